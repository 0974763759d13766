import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { strategies } from '../../../strategies/index.js';
import { allocator } from '../../../strategies/processes/allocator.js';
import { openSharedFile, usualFolders } from '../../../strategies/processes/shared-file.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';
import { byHand } from './by-hand.js';
import type { Asked } from './by-hand-process.js';
import { isResult } from './large-result.js';

/**
 * One turn of `npm run bench:results`: measures a strategy, or a loop by hand, in a process of its own and
 * prints what it measured as JSON.
 */
export interface Turn {
  /** Name of a strategy, or of a loop by hand. */
  readonly strategy: string;
  readonly workers: number;
  /** Size of each result. */
  readonly bytes: number;
  /** Passes are timed until this much time has been measured. */
  readonly timeMs: number;
}

export interface Measured {
  readonly isolation: Strategy['isolation'];
  readonly results: number;
  readonly wallMs: number;
}

/** Runs this many documents and gives each result to `take`. */
interface Side {
  readonly isolation: Strategy['isolation'];
  run(count: number, take: (index: number, value: unknown) => void): Promise<void>;
  close(): Promise<unknown>;
}

/** A loop by hand gives a worker its next document before it has answered, so that it never waits. */
const outstanding = 2;
const maxPass = 2 ** 16;

const turn = JSON.parse(process.argv[2] ?? '') as Turn;
console.log(JSON.stringify(await measure(turn)));

async function measure({ timeMs, ...of }: Turn): Promise<Measured> {
  const side = await sideOf(of);
  const timed = async (count: number) => {
    let right = 0;
    const startedMs = performance.now();
    await side.run(count, (index, value) => {
      if (isResult(value, { index, bytes: of.bytes })) right++;
    });
    const ms = performance.now() - startedMs;
    if (right !== count) throw new Error(`expected ${count} right results, got ${right}`);
    return ms;
  };
  try {
    // Passes double until one takes a quarter of the time. They warm up and find the length of a pass.
    let count = 8;
    while (count < maxPass && (await timed(count)) < timeMs / 4) count *= 2;
    let results = 0;
    let wallMs = 0;
    while (wallMs < timeMs) {
      wallMs += await timed(count);
      results += count;
    }
    return { isolation: side.isolation, results, wallMs };
  } finally {
    await side.close();
  }
}

async function sideOf(of: Omit<Turn, 'timeMs'>): Promise<Side> {
  if (of.strategy === byHand.thread) return byHandOverThreads(of);
  return of.strategy === byHand.process ? byHandOverProcesses(of) : byStrategy(of);
}

async function byStrategy({ strategy: name, workers, bytes }: Omit<Turn, 'timeMs'>): Promise<Side> {
  const entry = strategies.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`expected a strategy, got "${name}"`);
  const { default: strategy } = (await import(entry.url)) as { default: Strategy };
  const url = new URL('./large-result.js', import.meta.url).href;
  const session = await strategy.open(
    { name: 'large-result', url, options: { bytes } },
    { workers: strategy.scales ? workers : 1, delivery: strategy.deliveries[0] },
  );
  return {
    isolation: strategy.isolation,
    run: (count, take) =>
      session.run(documents(count), (outcome) =>
        take(outcome.index, outcome.status === 'ok' ? outcome.value : null),
      ),
    close: () => session.close(),
  };
}

/** What one writes for results alone: worker threads, one message for a document, one for its result. */
function byHandOverThreads({ workers, bytes }: Omit<Turn, 'timeMs'>): Side {
  const threads = Array.from(
    { length: workers },
    () => new Worker(new URL('./by-hand-worker.js', import.meta.url), { workerData: { bytes } }),
  );
  return {
    isolation: 'thread',
    run: (count, take) =>
      new Promise((resolve, reject) => {
        const source = documents(count);
        let left = count;
        const next = (thread: Worker) => {
          const { value, done } = source.next();
          if (!done) thread.postMessage(value);
        };
        for (const thread of threads) {
          thread.removeAllListeners();
          thread.on('error', reject);
          thread.on('message', ({ index, value }: { index: number; value: unknown }) => {
            next(thread);
            take(index, value);
            left--;
            if (left === 0) resolve();
          });
          for (let i = 0; i < outstanding; i++) next(thread);
        }
      }),
    close: () => Promise.all(threads.map((thread) => thread.terminate())),
  };
}

/**
 * The same with processes, where nothing can be moved: each writes its results into a file in memory, which
 * has no name, and the parent reads them there.
 */
function byHandOverProcesses({ workers, bytes }: Omit<Turn, 'timeMs'>): Side {
  const entry = fileURLToPath(new URL('./by-hand-process.js', import.meta.url));
  const children = Array.from({ length: workers }, () => {
    const { file } = openSharedFile({ bytes: outstanding * bytes, folders: usualFolders() });
    if (file === null) throw new Error('expected a folder that takes a file, found none');
    const child = fork(entry, [JSON.stringify({ bytes })], {
      env: { ...allocator, ...process.env }, // a loop by hand at its best
      serialization: 'advanced',
      stdio: ['ignore', 'inherit', 'inherit', 'ipc', file.fd],
    });
    return { child, fd: file.fd };
  });
  return {
    isolation: 'process',
    run: (count, take) =>
      new Promise((resolve, reject) => {
        const source = documents(count);
        let left = count;
        for (const { child, fd } of children) {
          const next = (position: number) => {
            const { value, done } = source.next();
            if (!done) child.send({ document: value, position } satisfies Asked);
          };
          child.removeAllListeners('error').removeAllListeners('message');
          child.on('error', reject);
          child.on('message', ({ index, position }: { index: number; position: number }) => {
            const value = new Uint8Array(Buffer.allocUnsafeSlow(bytes).buffer);
            readSync(fd, value, 0, bytes, position);
            next(position);
            take(index, value);
            left--;
            if (left === 0) resolve();
          });
          for (let i = 0; i < outstanding; i++) next(i * bytes);
        }
      }),
    async close() {
      for (const { child, fd } of children) {
        child.disconnect();
        await once(child, 'exit');
        closeSync(fd);
      }
    },
  };
}

/** Documents are small, because results are what is measured. */
function* documents(count: number): Generator<Document> {
  const bytes = new Uint8Array(100);
  for (let index = 0; index < count; index++)
    yield { index, id: `document-${index}`, size: bytes.length, bytes };
}
