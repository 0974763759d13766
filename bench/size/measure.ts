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
  /** Memory of the caller without any worker. */
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
  const base = memoryOf([process.pid]);
  forgetPeak();
  let peak = base;
  const look = () => {
    peak = Math.max(peak, memoryOf(processTree(files, process.pid)));
  };
  const session = await strategy.open(workload, { workers: 1, timeoutMs, delivery: 'reference' });
  look();
  const timer = setInterval(look, lookMs);
  const untilMs = performance.now() + passesMs;
  let documents = 0;
  let failed = 0;
  try {
    for (let pass = 0; pass < maxPasses && (pass === 0 || performance.now() < untilMs); pass++)
      await session.run(
        all.map(({ id, path }, index) => ({ index, id, path })),
        ({ status }) => {
          documents++;
          if (status !== 'ok') failed++;
        },
      );
    look();
    // The kernel keeps exact peaks, which are shorter than two looks may be apart.
    const [own, ...others] = processTree(files, process.pid) as [number, ...number[]];
    const exact =
      strategy.isolation === 'thread' ? status(own, 'VmHWM') : memoryOf([own]) + privatePeak(others);
    peak = Math.max(peak, exact);
  } finally {
    clearInterval(timer);
    await session.close();
  }
  return { baseBytes: base, workerBytes: Math.max(0, peak - base), documents, failed };
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
