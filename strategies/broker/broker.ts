import { randomUUID } from 'node:crypto';
import type { WorkloadRef } from '../../workloads/workload.js';
import { heapLimit, processLimit } from '../processes/limits.js';
import { maxRuns } from '../session/attempts.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import { errorOf } from '../session/task-error.js';
import { closeGraceMs } from '../session/teardown.js';
import type { Member, OpenOptions, Session, Strategy } from '../strategy.js';
import { OwnAgents } from './agents.js';
import { connectBullmq } from './bullmq.js';
import { Caller } from './caller.js';
import { NoAgent } from './engine.js';
import type { Fleet } from './fleet.js';
import { LimitShares } from './limit-shares.js';
import { type OwnRedis, startRedis } from './own-redis.js';
import { encodeMessage, innerStrategy, type RunCard, type TaskCode, version } from './protocol.js';

/**
 * An agent that was killed or cut off loses its batches after `lockMs`, and another one finds them at the
 * second look after that at the latest: after 8 s. With 3 s between looks it would be 11 s: agents share one
 * look, and with two of them a look that comes a moment too early is left out, so that the next one is up to
 * twice as late (1.6 times was seen within 12 s). Looking is a script of five commands. The lock is renewed
 * every half of its time, so an agent that is merely starved must miss several turns of its event loop.
 */
const usualLockMs = 5000;
const usualSweepMs = 1500;

/** A session whose agents run elsewhere waits this long for the first one, ms. */
const firstAgentMs = 60_000;
/** After an agent that cannot join, another one may join within this time, ms. */
const otherAgentMs = 2000;
/** The end of the run is posted within this time, ms, unless the broker is away. */
const farewellMs = 2000;

export default {
  name: 'broker',
  about: 'agents on several machines that take batches from a queue on Redis (BullMQ)',
  isolation: 'machine',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'when named',
  // A document may end three agents, and in each of them as many workers as one that reports together.
  maxRuns: maxRuns.reportedTogether * maxRuns.reportedTogether,
  workerModule: new URL('../../agent/own-agent.js', import.meta.url).href,
  deliveries: ['message', 'reference'],
  travelsInFile: [],
  scales: true,
  inner: innerStrategy,
  axes: ['agents'],
  async open(workload, options) {
    const { broker = {} } = options;
    const redis = broker.url === undefined ? await startRedis() : null;
    // No other caller can reach a Redis of this session's own.
    const isShared = broker.url !== undefined && (options.limits ?? []).length > 0;
    const shares = isShared ? await LimitShares.connect(broker.url) : null;
    try {
      return await openOn(broker.url ?? (redis as OwnRedis).url, { redis, shares }, workload, options);
    } catch (cause) {
      await shares?.close();
      await redis?.close();
      throw cause;
    }
  },
} satisfies Strategy;

async function openOn(
  url: string,
  { redis, shares }: { readonly redis: OwnRedis | null; readonly shares: LimitShares | null },
  workload: WorkloadRef,
  options: OpenOptions,
): Promise<Session> {
  const { broker = {}, channel, delivery } = options;
  const run = broker.run ?? randomUUID();
  const counts = agentWorkers(options);
  const { code, bundle } = counts === null ? await portableCode(workload) : inPlace(workload);
  const engine = await connectBullmq({ url, side: 'caller', run });
  const callerEnd = new CallerEnd(channel, { ...options, ...(shares !== null && { sharePool: shares }) });
  let left: Awaited<ReturnType<typeof engine.announce>>;
  try {
    broker.stop?.throwIfAborted();
    left = await engine.announce(cardOf(run, workload, code, options), bundle);
  } catch (cause) {
    await engine.close({ remove: false });
    throw cause;
  }
  const takesReferences = delivery === 'reference';
  const caller = new Caller(engine, callerEnd, { left, takesReferences });
  const { fleet } = caller;
  let gaveUp: Error | null = null;
  const stop = () => {
    gaveUp = new Error('the session was ended before an agent had joined');
    fleet.look();
  };
  const agents =
    counts &&
    new OwnAgents({
      url,
      run,
      workers: counts,
      left: (agent) => fleet.left(agent),
      stopped(cause) {
        gaveUp = cause;
        caller.stop(cause);
        fleet.look();
      },
    });
  if (agents !== null) caller.progress = () => agents.progress();
  let isClosing = false;
  redis?.ended.then(() => {
    if (!isClosing) caller.fail(new Error('the Redis that the session had started has ended'));
  });
  const close = async (now: boolean) => {
    if (isClosing) return;
    isClosing = true;
    const told = engine.post(encodeMessage([{ to: null, message: { kind: 'end', now } }])).catch(() => {});
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, farewellMs).unref())]);
    if (agents === null) await fleet.until(() => (fleet.size === 0 ? true : null), closeGraceMs);
    else await agents.close(closeGraceMs + farewellMs);
    await caller.close();
    callerEnd.close();
    await shares?.close();
    await redis?.close();
  };
  /** Another caller takes over what an earlier one has left. */
  const leave = async () => {
    await caller.close({ remove: false });
    callerEnd.close();
  };
  let killed = false;
  const session = guarded({
    callerEnd,
    takesReferences,
    async run(documents, emit, cancelling) {
      if (!killed) {
        agents?.reset();
        caller.resume();
      }
      await caller.run(documents, emit, cancelling);
    },
    async members() {
      const { members } = await fleet.report();
      const { redelivered, duplicates } = caller;
      // The processes of agents elsewhere have ids of other machines.
      const own = agents === null ? [] : [...members.processes, ...(await usageOf(redis))];
      return {
        ...members,
        processes: own,
        ...(agents === null && { partial: true as const }),
        redelivered,
        duplicates,
      };
    },
    close: () => close(killed),
    kill() {
      killed = true;
      caller.stop(new Error('the session was ended'));
      agents?.kill();
    },
  });
  broker.stop?.addEventListener('abort', stop);
  if (broker.stop?.aborted === true) stop();
  try {
    fleet.ask();
    await firstAgents(fleet, counts, code, () => gaveUp);
  } catch (cause) {
    if (broker.stop?.aborted === true && left.length > 0) await leave();
    else await close(true);
    throw cause;
  } finally {
    broker.stop?.removeEventListener('abort', stop);
  }
  return session;
}

/** The workers of each agent that the session starts; null where the agents run already. */
function agentWorkers({ broker = {}, configuration, workers }: OpenOptions): number[] | null {
  const asked = configuration?.agents ?? broker.agents ?? (broker.url === undefined ? 2 : 'there');
  if (asked === 'there') return null;
  const agents = Math.max(1, Math.min(asked, workers));
  return Array.from({ length: agents }, (_, i) => Math.floor((workers + i) / agents));
}

function inPlace({ url }: WorkloadRef): { code: TaskCode; bundle: null } {
  return { code: { url }, bundle: null };
}

async function portableCode(workload: WorkloadRef): Promise<{ code: TaskCode; bundle: Uint8Array | null }> {
  const { portable } = await import('../../workloads/task-bundle.js'); // the compiler loads slowly
  const task = await portable(workload);
  if ('workload' in task) return { code: task, bundle: null };
  return { code: { sha256: task.sha256 }, bundle: task.bytes };
}

function cardOf(
  run: string,
  { name, options: taskOptions }: WorkloadRef,
  code: TaskCode,
  { workers, delivery, runId, limits, retry, cache, timeoutMs, broker = {}, ...memory }: OpenOptions,
): RunCard {
  // Agents that share this machine must share its memory, too; others divide that of their own machine.
  const sharesMemory = 'url' in code;
  const heapMb = memory.heapMb ?? (sharesMemory ? heapLimit(workers).mb : undefined);
  const memoryMb = memory.memoryMb ?? (sharesMemory ? processLimit(workers).mb : undefined);
  return {
    version,
    run,
    task: { name, options: taskOptions, code },
    takesReferences: delivery === 'reference',
    ...(runId !== undefined && { runId }),
    ...(limits !== undefined && { limits }),
    ...(retry !== undefined && { retry }),
    ...(cache !== undefined && { cache }),
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(heapMb !== undefined && { heapMb }),
    ...(memoryMb !== undefined && { memoryMb }),
    lockMs: broker.lockMs ?? usualLockMs,
    sweepMs: broker.sweepMs ?? usualSweepMs,
  };
}

/**
 * Waits for all agents that the session has started, or for the first one elsewhere.
 * @throws the error that kept an agent from joining, or that the caller gave up; NoAgent when none joins
 */
async function firstAgents(
  fleet: Fleet,
  counts: readonly number[] | null,
  code: TaskCode,
  gaveUp: () => Error | null,
): Promise<void> {
  const needed = counts?.length ?? 1;
  const joined = () => (fleet.size >= needed ? true : null);
  const failure = () => (fleet.failure === null ? gaveUp() : errorOf(fleet.failure));
  await fleet.until(() => joined() ?? failure(), firstAgentMs);
  if (counts === null && failure() !== null) await fleet.until(() => joined() ?? gaveUp(), otherAgentMs);
  if (joined() !== null) return;
  const cause = failure();
  if (cause !== null) throw cause;
  const accept = 'sha256' in code ? ` --accept ${code.sha256}` : '';
  throw new NoAgent(
    `expected an agent to join within ${firstAgentMs / 1000} s, and none did: start one on each machine ` +
      `with forkwise agent --broker <url>${accept}`,
  );
}

async function usageOf(redis: OwnRedis | null): Promise<Member[]> {
  return redis === null ? [] : [await redis.usage()];
}
