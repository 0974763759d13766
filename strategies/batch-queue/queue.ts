import { closeSync } from 'node:fs';
import { taskServices } from '../../services/task-services.js';
import type { Document } from '../../workloads/workload.js';
import { heapLimit, processLimit } from '../processes/limits.js';
import { Reaper } from '../processes/reaper.js';
import { openSharedFile, usualFolders } from '../processes/shared-file.js';
import { MemoryWatch, StopWatch } from '../processes/watch.js';
import { maxRuns } from '../session/attempts.js';
import { HiddenEnds } from '../session/hidden-ends.js';
import { inTurn } from '../session/in-turn.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import type { Strategy } from '../strategy.js';
import { ProcessLane } from './process-lane.js';
import { Puller } from './puller.js';

/**
 * Number of batches that a worker may hold: it works on one and has the next one ready, so that it never
 * waits for the parent. More would only lengthen the queue in front of a slow document.
 */
const prefetch = 2;

/**
 * A batch holds about this much work, ms: much more than the message that carries it costs, and little of a
 * run.
 */
const batchMs = 2;
const maxDocuments = 128;
/**
 * Maximum size of a batch, which is also the size of a region of the shared file. Four documents of 500 KB in
 * one batch cost a quarter less than two, and larger regions gain little. The file has at most 32 MB, which
 * is half of what Docker gives a container in /dev/shm. Therefore a session with many workers has smaller
 * regions.
 */
const maxBytes = 2 ** 21;
const maxFileBytes = 32 * 2 ** 20;

export default {
  name: 'queue',
  about: 'dedicated worker processes that pull batches from bounded queues with a prefetch credit',
  isolation: 'process',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'always',
  maxRuns: maxRuns.reportedTogether,
  retires: true,
  workerModule: new URL('./worker.js', import.meta.url).href,
  deliveries: ['path', 'message', 'reference'],
  travelsInFile: ['path', 'reference'],
  scales: true,
  async open(workload, options) {
    const { workers, delivery, timeoutMs, channel, heapMb, memoryMb } = options;
    const services = taskServices(options);
    const heap = heapLimit(workers, heapMb);
    const regionBytes = Math.min(maxBytes, Math.floor(maxFileBytes / (workers * prefetch)));
    const laneBytes = prefetch * regionBytes;
    const file = delivery === 'message' ? null : openShared(workers * laneBytes);
    const reaper = new Reaper();
    const callerEnd = new CallerEnd(channel);
    const memory = new MemoryWatch({ memory: processLimit(workers, memoryMb), heap });
    const stopped = timeoutMs === undefined ? null : new StopWatch(timeoutMs);
    const hidden = new HiddenEnds();
    const entry = new URL('./worker.js', import.meta.url);
    const lanes = Array.from(
      { length: workers },
      (_, i) =>
        new ProcessLane({
          entry,
          reaper,
          callerEnd,
          memory,
          stopped,
          hidden,
          workload,
          workers,
          heapMb: heap.mb,
          services,
          timeoutMs,
          fd: file?.fd ?? null,
          offset: i * laneBytes,
          regionBytes,
        }),
    );
    const close = async () => {
      await Promise.all(lanes.map((lane) => lane.close()));
      memory.close();
      stopped?.close();
      await reaper.close();
      if (file !== null) closeSync(file.fd);
    };
    const opened = await Promise.allSettled(lanes.map((lane) => lane.open()));
    const failure = opened.find((result) => result.status === 'rejected');
    if (failure !== undefined) {
      await close();
      throw failure.reason;
    }
    return guarded({
      callerEnd,
      transport: file?.transport ?? 'message',
      takesReferences: delivery === 'reference',
      async run(documents, emit, cancelling) {
        const puller = new Puller(documents);
        const size = new BatchSize();
        const emitAll = inTurn(emit);
        for (const lane of lanes) lane.reset(cancelling);
        const isAlone = ({ index }: Document) => cancelling.may(index);
        // There is one loop per credit. It takes a batch when the previous one has been emitted: this is the
        // back-pressure. It is a function of its own that takes one, so that a loop which waits for the next
        // batch does not hold the documents of the last one.
        const serveOne = async (lane: ProcessLane, region: number): Promise<boolean> => {
          const batch = await puller.take({
            documents: Math.min(size.documents, lane.maxResults),
            bytes: regionBytes,
            isAlone,
          });
          if (batch === null) return false;
          const outcomes = await lane.process(batch, region);
          for (const { taskMs } of outcomes) if (taskMs !== null) size.learn(taskMs);
          await emitAll(outcomes);
          return true;
        };
        const serve = async (lane: ProcessLane, region: number) => {
          // A lane whose workers only die leaves the documents to the other lanes, while one of them works.
          while (!lane.broken || lanes.every(({ broken }) => broken))
            if (!(await serveOne(lane, region))) return;
        };
        const loops = Array.from({ length: prefetch }, (_, region) =>
          lanes.map((lane) => serve(lane, region)),
        ).flat();
        await allEnded(loops, () => puller.stop());
      },
      cancel(index) {
        for (const lane of lanes) lane.cancel(index);
      },
      async members() {
        const reports = await Promise.all(lanes.map((lane) => lane.report()));
        return {
          processes: reports.map(({ member }) => member),
          engines: reports.map(({ engine }) => engine),
        };
      },
      replaced: () => lanes.reduce((sum, lane) => sum + lane.replaced, 0),
      close,
      kill() {
        for (const lane of lanes) lane.kill();
      },
    });
  },
} satisfies Strategy;

function openShared(bytes: number) {
  const { file, refusals } = openSharedFile({ bytes, folders: usualFolders() });
  if (refusals.length > 0) {
    process.emitWarning(
      `queue: documents travel in ${file === null ? 'messages' : 'a temporary file'}: ${refusals.join('; ')}`,
    );
  }
  return file;
}

/** Computes how many documents make a batch of `batchMs`, from a moving average of their task times. */
class BatchSize {
  #taskMs = batchMs;

  learn(taskMs: number): void {
    this.#taskMs += (taskMs - this.#taskMs) / 16;
  }

  get documents(): number {
    return Math.max(1, Math.min(maxDocuments, Math.round(batchMs / this.#taskMs)));
  }
}

/**
 * Resolves when all loops have ended. When one failed, it rejects with the first error, but only after all
 * have ended: a region is in use until the last loop has its answer.
 */
async function allEnded(loops: readonly Promise<void>[], stop: () => void): Promise<void> {
  let failure: { readonly cause: unknown } | null = null;
  const fail = (cause: unknown) => {
    failure ??= { cause };
    stop();
  };
  await Promise.all(loops.map((loop) => loop.catch(fail)));
  if (failure !== null) throw (failure as { cause: unknown }).cause;
}
