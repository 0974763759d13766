import type { InnerChannel } from '../../services/limit-server.js';
import type { BatchMessage, FromChild, Numbered, Start, ToChild } from '../batch-queue/protocol.js';
import { ReceivedBytes } from '../batch-queue/received-bytes.js';
import { ReplyColumns } from '../batch-queue/replies.js';
import { endWithParent } from '../processes/end-with-parent.js';
import { maxDeathsWithoutResult } from '../session/attempts.js';
import { HiddenEnds } from '../session/hidden-ends.js';
import { type LocalReply, servedIn } from '../session/outcome.js';
import { taskError } from '../session/task-error.js';
import { openArenaSession } from '../shared-memory/arena-session.js';
import { split } from '../shared-memory/self-scheduling.js';
import type { AnyDocument, OpenOptions, Outcome, Session } from '../strategy.js';
import { connectProcess } from '../worker/connect.js';
import { filedParts } from '../worker/filed-parts.js';
import { type PartsOfReply, withoutLargeParts } from '../worker/large-parts.js';
import { sendLastWords } from '../worker/last-words.js';
import { whenHeapIsNear } from '../worker/near-limit.js';
import { TaskEnd } from '../worker/task-end.js';
import { engineReport, processReport } from '../worker/usage-report.js';
import { thisWorker } from '../worker/worker-id.js';
import { ForwardedLimits } from './forwarded-limits.js';
import { InnerRun } from './inner-run.js';

/**
 * The child of `hybrid`: it serves batches as `batch-queue/protocol.ts` says, and its threads run them. A
 * batch has begun when its documents are given to the threads. These never have more batches that the parent
 * has no answer to than they can run documents: so no more run again when this process ends. Threads that
 * run one document each have one batch more, or they would wait for this thread after each.
 */

/** The child starts with these values beside those of `batch-queue`. */
export interface HybridStart {
  readonly threads: number;
  /** The heap of each thread may grow to this size, MB. */
  readonly threadHeapMb: number;
  /** The parent's `maxDeathsWithoutResult`. */
  readonly maxDeaths: number;
  readonly limits?: OpenOptions['limits'];
  readonly retry?: OpenOptions['retry'];
}

type Request = Exclude<ToChild, { kind: 'channel' | 'per-worker' | 'run' }>;

const start = JSON.parse(process.argv[2] as string) as Start & HybridStart;
const { workload, workers, fd, services, timeoutMs, heapMb, threads } = start;

maxDeathsWithoutResult.count = start.maxDeaths;

const send = (message: FromChild) =>
  new Promise<unknown>((resolve) => process.send?.(message, undefined, undefined, resolve));

endWithParent(); // the results have no receiver then
// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

const me = thisWorker();
const received = new ReceivedBytes(fd);
const large = filedParts(workers, (offer) => void send(offer));
const named = (worker: string) => `${me}/${worker}`;
const end: TaskEnd = new TaskEnd(connectProcess, {
  cancelled: () => inner.cancelAll(),
  dropped: (index) => inner.cancel(index),
  limited: (answer, worker) => limits.answer(worker?.slice(named('').length) ?? null, answer),
});
const limits = new ForwardedLimits((request, worker) => end.sendLimit(request, named(worker)));
const channel: InnerChannel = {
  onRequest: (request, { worker }) => end.ask(request, named(worker)),
  limits,
};
let session: Session;
try {
  session = await openArenaSession(workload, {
    split,
    hidden: new HiddenEnds((error) => void send({ kind: 'hidden end', error })),
    abandoned: (cause) => void send({ kind: 'abandoned', error: taskError(cause) }),
    workers: threads,
    delivery: 'reference',
    perWorker: start.perWorker,
    heapMb: start.threadHeapMb,
    runId: services.runId,
    channel,
    ...(start.limits !== undefined && { limits: start.limits }),
    ...(start.retry !== undefined && { retry: start.retry }),
    ...(services.cache !== null && { cache: services.cache }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
} catch (cause) {
  await send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
  process.exit(); // the parent reports it
}
const inner = new InnerRun(session, {
  maxBatches: maxBatches(start.perWorker),
  isDropped: (i) => end.isDropped(i),
});
end.listen((message) => session.broadcast(message));

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToChild) => {
  if (message.kind === 'channel') return; // the side channel has its own listener
  if (message.kind === 'per-worker') {
    session.setPerWorker?.(message.perWorker);
    inner.setMaxBatches(maxBatches(message.perWorker));
  } else if (message.kind === 'run') last = last.then(() => inner.end());
  else last = last.then(() => serve(message as Numbered<Request>));
});
await send({ kind: 'ready' });
whenHeapIsNear(heapMb, () => void send({ kind: 'near-limit' }));

async function serve(message: Numbered<Request>): Promise<void> {
  const { request } = message;
  if (message.kind === 'batch') return work(message, request);
  if (message.kind === 'piece') {
    received.takePiece(message);
    return void (await send({ kind: 'piece', request }));
  }
  if (message.kind === 'report') {
    await inner.end();
    const { engines } = await session.members();
    const own = engines.map((engine) => ({ ...engine, worker: named(engine.worker) }));
    const all = [engineReport(me), ...own];
    return void (await send({ kind: 'report', request, member: processReport(), engines: all }));
  }
  await inner.end();
  end.close();
  await session.close();
  process.disconnect();
  process.exit(); // whatever the task has left open
}

/** Resolves when the next batch may begin. */
async function work(batch: BatchMessage, request: number): Promise<void> {
  await inner.room();
  const bytes = received.copies(batch);
  if (batch.watched) await send({ kind: 'began', request });
  const documents = bytes.map((own, i) => documentOf(batch, own, i));
  void inner
    .run(documents)
    .then((outcomes) => answer(request, outcomes))
    .then(() => inner.answered());
}

function maxBatches(perWorker: number): number {
  return perWorker === 1 ? threads + 1 : threads * perWorker;
}

function documentOf({ ids, indexes, by }: BatchMessage, bytes: Uint8Array, at: number): AnyDocument {
  const index = indexes[at] as number;
  const id = ids[at] as string;
  const how = by?.[at];
  if (how === undefined) return { index, id, size: bytes.length, bytes };
  if (how === 'path') return { index, id, path: bytes };
  return { index, id, reference: JSON.parse(Buffer.from(bytes).toString()) };
}

async function answer(request: number, outcomes: readonly Given[]): Promise<void> {
  const columns = new ReplyColumns(outcomes.length);
  for (const { outcome, givenMs } of outcomes) {
    const { worker, queuedMs, taskMs, size, mtimeMs } = outcome;
    const times: Times = {
      worker: worker ?? me,
      startedMs: queuedMs === null ? Number.NaN : givenMs + queuedMs,
      taskMs: taskMs ?? Number.NaN,
      ...(size !== undefined && { size }),
      ...(mtimeMs !== undefined && { mtimeMs }),
      ...servedIn(outcome),
    };
    if (outcome.status !== 'ok') {
      columns.add({ ...times, status: outcome.status, error: outcome.error });
      continue;
    }
    const value = large === null ? outcome.value : withoutLargeParts(outcome.value, large);
    const reply: Times & PartsOfReply & { status: 'ok'; value: unknown } = { ...times, status: 'ok', value };
    large?.note(reply);
    columns.add(reply);
  }
  const names = outcomes.map(({ outcome: { worker } }) => (worker === null ? null : named(worker)));
  await send({ kind: 'replies', request, ...columns.replies, workers: names });
}

/** What a reply says beside its result. */
type Times = Pick<LocalReply, 'worker' | 'startedMs' | 'taskMs' | 'size' | 'mtimeMs' | 'served'>;

/** An outcome, and when the threads' session took its document. */
interface Given {
  readonly outcome: Outcome;
  readonly givenMs: number;
}
