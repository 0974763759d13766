import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { isolates, type Outcome, type Session, type Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';
import { files, processTree } from '../measure/proc.js';
import { answerRequests } from '../trials/answer.js';
import { type Fault, faultNamed, limits } from './faults.js';
import { markFault, markIn } from './mark.js';
import { sumOf } from './task.js';

/** The caller of a strategy in which something goes wrong: a process of its own, since it may be lost. */
export interface FaultRequest {
  /** The strategy is the default export of this module. */
  readonly strategy: string;
  /** The list of faults has this name. */
  readonly fault: string;
  readonly workers: number;
  /** A file appears at this path when the fault happens. */
  readonly mark: string;
}

export interface FaultRecord {
  /** The error's message if opening failed; the other fields then say nothing. */
  readonly refused: string | null;
  readonly documents: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly wrong: number;
  readonly faultStatus: Outcome['status'] | null;
  readonly othersFailed: number;
  readonly delayedMs: number;
  readonly recoveredMs: number | null;
  readonly leftovers: number;
}

/** A pass has at least this many documents. */
const minDocuments = 400;
/** Index of the document at which the fault happens. */
const faultAt = 20;
/** A pass waits this long for all workers to be seen again. */
const patienceMs = 5000;

const task = new URL('./task.js', import.meta.url).href;

answerRequests(async ({ strategy: url, fault: name, workers, mark }: FaultRequest): Promise<FaultRecord> => {
  const { default: strategy } = (await import(url)) as { default: Strategy };
  const fault = faultNamed(name);
  markIn(mark);
  const inFile = fault.by === 'disk' ? strategy.travelsInFile[0] : undefined;
  const options = {
    workers: strategy.scales ? workers : 1,
    delivery: inFile ?? strategy.deliveries[0],
    ...limits,
  };
  const engines = isolates(strategy.isolation, 'thread') ? options.workers : 1;
  const open = (url: string) => strategy.open({ name: 'faulty', url, options: {} }, options);
  // The first pass is without the fault. It shows what is slow or left over in any case, such as libuv's
  // threads.
  const healthy = await pass(await open(task), null, engines);
  const before = await settled();
  if (fault.by === 'module') {
    const refused = await refusal(open(fault.url));
    return { ...healthy, lost: 0, duplicates: 0, refused, leftovers: (await settled(before)) - before };
  }
  const found = await pass(await open(task), fault, engines);
  return {
    ...found,
    delayedMs: Math.max(0, found.delayedMs - healthy.delayedMs),
    leftovers: (await settled(before)) - before,
  };
});

/** The message with which opening failed; null if it did not fail. */
async function refusal(opening: Promise<Session>): Promise<string | null> {
  try {
    const session = await opening;
    await session.close();
    return null;
  } catch (cause) {
    return cause instanceof Error ? cause.message : String(cause);
  }
}

/**
 * Runs documents, with the fault in the middle, until every worker was seen again. Then it closes the
 * session.
 */
async function pass(session: Session, fault: Fault | null, engines: number): Promise<FaultRecord> {
  const outcomes: Outcome[][] = [];
  const expected: number[] = [];
  const seenAfter = new Set<string>();
  let faultMs = Number.POSITIVE_INFINITY;
  let recoveredMs: number | null = null;
  let lastMs = now();
  let longestMs = 0;
  let interrupted: Promise<void> | null = null;
  const { processes } = await session.members();
  const recovered = () => seenAfter.size >= engines;
  function* source(): Generator<Document> {
    for (let index = 0; ; index++) {
      const late = now() - faultMs > patienceMs;
      if (index >= minDocuments && (recovered() || late)) return;
      if (index === faultAt) {
        faultMs = now();
        if (fault?.by === 'signal') signal(processes[0]?.pid, fault.signal);
        if (fault?.by === 'ctrl-c') interrupted = interrupt();
        if (fault?.by === 'disk') fillDisk();
      }
      const bytes = new Uint8Array(1000).fill(index % 251);
      expected[index] = sumOf(bytes);
      yield {
        index,
        id: index === faultAt && fault?.by === 'task' ? fault.name : `document-${index}`,
        size: bytes.length,
        bytes,
      };
    }
  }
  await session.run(source(), (outcome) => {
    const atMs = now();
    longestMs = Math.max(longestMs, atMs - lastMs);
    lastMs = atMs;
    outcomes[outcome.index] = [...(outcomes[outcome.index] ?? []), outcome];
    if (outcome.worker === null) return;
    const pulledAfter =
      outcome.index > faultAt && atMs - (outcome.queuedMs ?? 0) - (outcome.taskMs ?? 0) > faultMs;
    if (pulledAfter) seenAfter.add(outcome.worker);
    if (recoveredMs === null && recovered()) recoveredMs = atMs - faultMs;
  });
  // A run on this thread may have left no turn of the event loop to signals and unhandled rejections.
  await interrupted;
  await new Promise((resolve) => setImmediate(resolve));
  await session.close();
  const count = expected.length;
  const first = Array.from({ length: count }, (_, index) => outcomes[index]?.[0]);
  const others = first.filter((_, index) => index !== faultAt || fault?.by !== 'task');
  return {
    refused: null,
    documents: count,
    lost: first.filter((outcome) => outcome === undefined).length,
    duplicates: outcomes.reduce((sum, list) => sum + list.length - 1, 0),
    wrong: first.filter((outcome, index) => outcome?.status === 'ok' && outcome.value !== expected[index])
      .length,
    faultStatus: fault?.by === 'task' ? (first[faultAt]?.status ?? null) : null,
    othersFailed: others.filter((outcome) => outcome !== undefined && outcome.status !== 'ok').length,
    delayedMs: longestMs,
    recoveredMs,
    leftovers: 0,
  };
}

/**
 * Counts child processes, threads and descriptors of this process. It waits up to two seconds until there
 * are at most `max` of them. Without `max` it waits until their number has not changed for half a second.
 */
async function settled(max = 0): Promise<number> {
  let latest = 0;
  let same = 0;
  for (let tries = 0; ; tries++) {
    const count =
      processTree(files, process.pid).length -
      1 +
      files.list('/proc/self/task').length +
      files.list('/proc/self/fd').length;
    same = count === latest ? same + 1 : 0;
    latest = count;
    if (count <= max || tries === 20 || (max === 0 && same === 5)) return count;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Sends the signal to a worker process; without one, the fault does not happen, and the cell fails. */
function signal(pid: number | undefined, name: 'SIGKILL' | 'SIGSTOP'): void {
  if (pid === undefined) return;
  process.kill(pid, name);
  markFault();
}

/**
 * Sends SIGINT to the process group that this process leads, and resolves when it has arrived here. This
 * process goes on, as a command does that waits for the documents that are running.
 */
function interrupt(): Promise<void> {
  const arrived = new Promise<void>((resolve) => {
    process.once('SIGINT', () => {
      markFault();
      resolve();
    });
  });
  process.kill(-process.pid, 'SIGINT');
  return arrived;
}

/** Every later write of documents to a file fails, as on a full disk. */
function fillDisk(): void {
  fs.writevSync = () => {
    markFault();
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
}
