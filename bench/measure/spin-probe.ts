import { fileURLToPath } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

/**
 * How many cores this process really gets: so many threads spin at once for a short time, and the CPU time they got is
 * divided by the time it took. It tells the truth where affinity, quotas and neighbours make every count a lie.
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

/** By the clock on purpose: what is asked for is not work done but time given. */
function spin(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

if (!isMainThread) spin(workerData as number);
