import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/**
 * Measures how many cores this process really gets. The given number of threads spin at the same time for a
 * short while, and the CPU time that they got is divided by the elapsed time. The result is right even if CPU
 * affinity, quotas or other processes make every count of cores wrong.
 */
export async function spinProbe(threads: number, ms = 300): Promise<number> {
  const workers = Array.from(
    { length: threads },
    () => new Worker(fileURLToPath(import.meta.url), { workerData: ms }),
  );
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  const before = process.cpuUsage();
  const startedMs = performance.now();
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('exit', resolve))));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e3 / (performance.now() - startedMs);
}

/** Spins for a fixed time, not for a fixed amount of work: the probe asks how much CPU time a thread gets. */
function spin(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

if (!isMainThread) spin(workerData as number);
