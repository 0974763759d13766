import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Outcome, Session, Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';
import { files, processTree } from '../measure/proc.js';
import { answerRequests } from '../trials/answer.js';
import { type Fault, limits } from './faults.js';

/** The caller of a strategy in which something goes wrong: a process of its own, since it may be lost. */
export interface FaultRequest {
  readonly strategy: string;
  readonly fault: Fault;
  readonly workers: number;
}

export interface FaultRecord {
  /** What opening said, where that failed; there is nothing else then. */
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

/** Documents of a pass, the one that goes wrong, and how long the pass may wait for all workers to be seen again. */
const least = 400;
const faultAt = 20;
const patienceMs = 5000;

const task = new URL('./task.js', import.meta.url).href;
const brokenTask = new URL('./broken-task.js', import.meta.url).href;

answerRequests(async ({ strategy: url, fault, workers }: FaultRequest): Promise<FaultRecord> => {
  const { default: strategy } = (await import(url)) as { default: Strategy };
  const options = { workers: strategy.scales ? workers : 1, delivery: strategy.deliveries[0], ...limits };
  const engines = strategy.isolation === 'none' ? 1 : options.workers;
  const open = (url: string) => strategy.open({ name: 'faulty', url, options: {} }, options);
  // Once without the fault: what is slow by itself, and what stays by itself, as the threads of libuv do.
  const healthy = await pass(await open(task), { ...fault, by: 'task', name: 'none' }, engines);
  const before = await settled(0);
  if (fault.by === 'module') {
    const refused = await open(brokenTask).then(
      async (session) => {
        await session.close();
        return null;
      },
      (cause: unknown) => String((cause as Error).message),
    );
    return {
      ...healthy,
      refused: refused ?? 'opened all the same',
      leftovers: (await settled(before)) - before,
    };
  }
  if (fault.by === 'disk') fillDisk();
  const found = await pass(await open(task), fault, engines);
  return {
    ...found,
    delayedMs: Math.max(0, found.delayedMs - healthy.delayedMs),
    leftovers: (await settled(before)) - before,
  };
});

/** One run in the midst of which the fault comes, until every worker is seen again, and a close. */
async function pass(session: Session, fault: Fault, engines: number): Promise<FaultRecord> {
  const outcomes: Outcome[][] = [];
  const expected: number[] = [];
  const seenAfter = new Set<string>();
  let faultMs = Number.POSITIVE_INFINITY;
  let recoveredMs: number | null = null;
  let lastMs = now();
  let longestMs = 0;
  const { processes } = await session.members();
  const recovered = () => seenAfter.size >= engines;
  function* source(): Generator<Document> {
    for (let index = 0; ; index++) {
      const late = now() - faultMs > patienceMs;
      if (index >= least && (recovered() || late)) return;
      if (index === faultAt) {
        faultMs = now();
        if (fault.by === 'SIGKILL' || fault.by === 'SIGSTOP')
          process.kill(processes[0]?.pid as number, fault.by);
      }
      const bytes = new Uint8Array(1000).fill(index % 251);
      expected[index] = sumOf(bytes);
      yield {
        index,
        id: index === faultAt && fault.by === 'task' ? fault.name : `document-${index}`,
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
  await session.close();
  const count = expected.length;
  const first = Array.from({ length: count }, (_, index) => outcomes[index]?.[0]);
  const others = first.filter((_, index) => index !== faultAt || fault.by !== 'task');
  return {
    refused: null,
    documents: count,
    lost: first.filter((outcome) => outcome === undefined).length,
    duplicates: outcomes.reduce((sum, list) => sum + list.length - 1, 0),
    wrong: first.filter((outcome, index) => outcome?.status === 'ok' && outcome.value !== expected[index])
      .length,
    faultStatus: fault.by === 'task' ? (first[faultAt]?.status ?? null) : null,
    othersFailed: others.filter((outcome) => outcome !== undefined && outcome.status !== 'ok').length,
    delayedMs: longestMs,
    recoveredMs,
    leftovers: 0,
  };
}

/** As the task computes it. */
function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let pass = 0; pass < 100; pass++)
    for (let i = 0; i < bytes.length; i++) sum = (sum * 31 + (bytes[i] as number)) | 0;
  return sum;
}

/** Child processes, threads and descriptors of this process, when they are no more than so many, or have had two seconds for it. */
async function settled(most: number): Promise<number> {
  for (let tries = 0; ; tries++) {
    const count =
      processTree(files, process.pid).length -
      1 +
      files.list('/proc/self/task').length +
      files.list('/proc/self/fd').length;
    if (count <= most || tries === 20) return count;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** From now on nothing can be written behind what there is. */
function fillDisk(): void {
  fs.writevSync = () => {
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
  };
  syncBuiltinESMExports();
}
