import { writeFileSync } from 'node:fs';
import type { Strategy } from '../../strategies/strategy.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { inFreshProcess } from '../check/lab.js';
import { files, processTree, treeMemory } from '../measure/proc.js';
import type { HelperProcesses } from '../trials/helper-processes.js';

/** A file of the sample. */
export interface SizedFile {
  readonly id: string;
  readonly path: string | Uint8Array;
}

export interface SizeRequest {
  readonly workload: WorkloadRef;
  /** URL of a strategy whose workers read files. */
  readonly strategy: string;
  readonly files: readonly SizedFile[];
  readonly timeoutMs: number;
}

/** What one worker alone needs. */
export interface WorkerSize {
  /** Memory of the caller, which has had a worker, without any. */
  readonly baseBytes: number;
  /** The worker added this much at its peak. */
  readonly workerBytes: number;
  /** Documents that were processed, over all passes. */
  readonly documents: number;
  readonly failed: number;
}

/** Time of the measurement of one kind of worker, at least one pass. */
const passesMs = 4_000;
const maxPasses = 5;
/** Memory is looked at this often, ms. */
const lookMs = 5;
/** The heap has grown by what looks leave behind after this many. */
const warmingLooks = 200;

const idleTask = { name: 'idle', url: new URL('./idle-task.js', import.meta.url).href, options: {} };

/** Measures one worker alone in a fresh process. @throws what the task throws when it is loaded */
export function measureWorker(helpers: HelperProcesses, request: SizeRequest): Promise<WorkerSize> {
  return inFreshProcess<WorkerSize>(
    { helpers },
    { module: import.meta.url, request },
    60_000 + passesMs + request.files.length * request.timeoutMs,
  );
}

/** Runs the documents in this process and its one worker. */
export async function trial({
  workload,
  strategy: url,
  files: all,
  timeoutMs,
}: SizeRequest): Promise<WorkerSize> {
  const { default: strategy } = (await import(url)) as { default: Strategy };
  const documents = all.map(({ id, path }, index) => ({ index, id, path }));
  const isThread = strategy.isolation === 'thread';
  // A thread is a part of the caller's process, and other processes are not.
  const workers = () => memoryOf(processTree(files, process.pid)) - (isThread ? 0 : memoryOf([process.pid]));
  // What the caller needs for any worker is no part of one. It loads its code, and grows by what it does,
  // which includes the looks, before the measurement.
  const idle = await strategy.open(idleTask, { workers: 1, timeoutMs, delivery: 'reference' });
  for (let pass = 0; pass < maxPasses; pass++) await idle.run(documents, () => {});
  for (let looks = 0; looks < warmingLooks; looks++) workers();
  await idle.close();
  const baseBytes = memoryOf([process.pid]);
  forgetPeak();
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, workers() - (isThread ? baseBytes : 0));
  };
  const session = await strategy.open(workload, { workers: 1, timeoutMs, delivery: 'reference' });
  look();
  const timer = setInterval(look, lookMs);
  const untilMs = performance.now() + passesMs;
  let processed = 0;
  let failed = 0;
  try {
    for (let pass = 0; pass < maxPasses && (pass === 0 || performance.now() < untilMs); pass++)
      await session.run(documents, ({ status }) => {
        processed++;
        if (status !== 'ok') failed++;
      });
    look();
    // The kernel keeps exact peaks, which are shorter than two looks may be apart.
    const [own, ...others] = processTree(files, process.pid) as [number, ...number[]];
    const exact = isThread ? status(own, 'VmHWM') - baseBytes : privatePeak(others);
    peak = Math.max(peak, exact);
  } finally {
    clearInterval(timer);
    await session.close();
  }
  return { baseBytes, workerBytes: peak, documents: processed, failed };
}

function memoryOf(pids: readonly number[]): number {
  return treeMemory(files, pids) ?? process.memoryUsage().rss;
}

/** Makes the Linux kernel forget the largest size of this process so far, where it is allowed. */
function forgetPeak(): void {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
  } catch {
    // The peak then includes the start of this process, which is smaller than most tasks.
  }
}

/** Private memory of processes at their peaks: the pages of their program are shared with the caller. */
function privatePeak(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + Math.max(0, status(pid, 'VmHWM') - status(pid, 'RssFile')), 0);
}

/** A size in `/proc/PID/status`, bytes; 0 where there is none. */
function status(pid: number, name: string): number {
  const text = files.read(`/proc/${pid}/status`) ?? '';
  return 1024 * Number(new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
}
