import { resolve } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { Agent } from '../../../agent/agent.js';
import { type HealthServer, serveHealth } from '../../../agent/health.js';
import { creditFor, type SessionChoice, suitsAgent } from '../../../agent/session.js';
import { findStrategy } from '../../../runner/open-strategy.js';
import { withoutPassword } from '../../../strategies/broker/address.js';
import { connectBullmq } from '../../../strategies/broker/bullmq.js';
import { innerStrategy } from '../../../strategies/broker/protocol.js';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { workloads } from '../../../workloads/index.js';
import { bundled } from '../../../workloads/task-bundle.js';
import { locateTask } from '../../../workloads/task-file.js';
import { exitCode, UsageError, unknownName } from '../../errors.js';
import { parseCount, parseDuration, parseList } from '../../words/parse.js';
import { brokerVariable, readConfig } from '../run-request.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note } from '../terminal.js';

export interface AgentFlags {
  broker?: string;
  accept: string;
  config?: string;
  strategy?: string;
  workers?: string;
  credit?: string;
  project: string;
  health?: string;
  grace: string;
}

/**
 * `forkwise agent`: runs batches of documents for callers on other machines, until it is ended.
 * @returns the exit code
 */
export async function agent(flags: AgentFlags): Promise<number> {
  const url = flags.broker ?? process.env[brokerVariable];
  if (url === undefined)
    throw new UsageError(
      `expected --broker redis://host:6379, or the variable ${brokerVariable}, got neither`,
    );
  const session = await sessionOf(flags);
  const credit =
    flags.credit === undefined ? creditFor(session.workers) : parseCount(flags.credit, '--credit');
  const graceMs = parseDuration(flags.grace, '--grace');
  const port = flags.health === undefined ? null : portOf(flags.health);
  const accepted = await acceptedTasks(flags.accept);
  const worker = await Agent.connect({
    url,
    connect: connectBullmq,
    accepted: accepted === 'any' ? 'any' : new Set(accepted.keys()),
    project: resolve(flags.project),
    session,
    credit,
    say: note,
  });
  let health: HealthServer | null = null;
  let grace: NodeJS.Timeout | undefined;
  let code: number = exitCode.ok;
  const signals = handleSignals({
    orderly() {
      note('finishing the batches that are here; once more ends them at once');
      grace = setTimeout(() => {
        code = exitCode.interrupted;
        void worker.end();
      }, graceMs);
      worker.drain();
      return true;
    },
    atOnce() {},
  });
  try {
    if (port !== null) health = await serveHealth(port, () => worker.health);
    noteStart(worker, { url, session, accepted, health });
    await worker.work();
    return code;
  } finally {
    clearTimeout(grace);
    signals.end();
    await health?.close();
  }
}

/** @throws UsageError for a strategy whose documents run on the agent's own thread, or on other machines */
async function sessionOf(flags: AgentFlags): Promise<SessionChoice> {
  const config = flags.config === undefined ? null : readConfig(flags.config);
  const name = flags.strategy ?? config?.strategy ?? innerStrategy;
  const names = strategies.map(({ name }) => name);
  if (!names.includes(name)) throw unknownName('strategy', name, names);
  const isConfigured = config?.strategy === name;
  const workers =
    flags.workers !== undefined
      ? parseCount(flags.workers, '--workers')
      : isConfigured
        ? config.workers
        : Math.max(1, Math.floor(effectiveCores().effective));
  const { strategy } = await findStrategy(name, { workers });
  if (!suitsAgent(strategy))
    throw new UsageError(
      `expected a strategy with worker threads or processes, got "${name}": the agent's own thread must be ` +
        'free, because it renews the hold on its batches; give --strategy queue or self-scheduling',
    );
  if (config === null || !isConfigured) return { strategy, workers };
  const { delivery, heapMb, memoryMb } = config;
  return {
    strategy,
    workers,
    delivery,
    // Another number of workers has other axes.
    ...(config.schema === 2 && flags.workers === undefined && { configuration: config.configuration }),
    ...(heapMb !== null && { heapMb }),
    ...(memoryMb !== null && { memoryMb }),
  };
}

/** Returns the hashes of bundles and the names of workloads that the agent runs, with words for each. */
async function acceptedTasks(text: string): Promise<'any' | Map<string, string>> {
  if (text === 'any') return 'any';
  const accepted = new Map<string, string>();
  for (const item of parseList(text, '--accept', (item) => item)) {
    if (/^[\da-f]{64}$/.test(item)) accepted.set(item, item);
    else if (workloads.some(({ name }) => name === item)) accepted.set(item, `workload ${item}`);
    else if (/[./\\]/.test(item)) {
      const { sha256 } = await bundled(locateTask(item));
      accepted.set(sha256, `${item} (${sha256})`);
    } else
      throw new UsageError(
        `expected --accept to name tasks by the SHA-256 of their bundle, by a path like ./parse.ts or as a ` +
          `workload of "forkwise list", or to be any, got "${item}"`,
      );
  }
  return accepted;
}

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UsageError(`expected --health to be a port from 0 to 65535, got "${text}"`);
}

function noteStart(
  { name }: Agent,
  {
    url,
    session,
    accepted,
    health,
  }: {
    readonly url: string;
    readonly session: SessionChoice;
    readonly accepted: 'any' | ReadonlyMap<string, string>;
    readonly health: HealthServer | null;
  },
): void {
  if (accepted === 'any') {
    const warning = colorsFor(process.stderr).yellow('warning:');
    note(
      `${warning} --accept any runs whatever code the broker has; ` +
        "name the task's hash where others can write to it",
    );
  }
  const tasks = accepted === 'any' ? 'any task' : [...accepted.values()].join(', ');
  const { strategy, workers } = session;
  const probes = health === null ? '' : `; probes on port ${health.port}`;
  note(`agent ${name} at ${withoutPassword(url)}: ${strategy.name} × ${workers}, accepts ${tasks}${probes}`);
}
