import { Worker } from 'node:worker_threads';
import { strategies } from '../../../strategies/index.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';
import { isResult } from './large-result.js';

/**
 * One turn of `npm run bench:results`: measures a strategy, or the loop by hand, in a process of its own and
 * prints what it measured as JSON.
 */
export interface Turn {
  /** Name of a strategy, or `by hand`. */
  readonly strategy: string;
  readonly workers: number;
  /** Size of each result. */
  readonly bytes: number;
  /** Passes are timed until this much time has been measured. */
  readonly timeMs: number;
}

export interface Measured {
  readonly results: number;
  readonly wallMs: number;
}

/** Runs this many documents and gives each result to `take`. */
interface Side {
  run(count: number, take: (index: number, value: unknown) => void): Promise<void>;
  close(): Promise<unknown>;
}

/** The loop by hand gives a worker its next document before it has answered, so that it never waits. */
const outstanding = 2;
const maxPass = 2 ** 16;

const turn = JSON.parse(process.argv[2] ?? '') as Turn;
console.log(JSON.stringify(await measure(turn)));

async function measure({ timeMs, ...of }: Turn): Promise<Measured> {
  const side = of.strategy === 'by hand' ? byHand(of) : await byStrategy(of);
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
    return { results, wallMs };
  } finally {
    await side.close();
  }
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
    run: (count, take) =>
      session.run(documents(count), (outcome) =>
        take(outcome.index, outcome.status === 'ok' ? outcome.value : null),
      ),
    close: () => session.close(),
  };
}

/** What one writes for results alone: worker threads, one message for a document, one for its result. */
function byHand({ workers, bytes }: Omit<Turn, 'timeMs'>): Side {
  const threads = Array.from(
    { length: workers },
    () => new Worker(new URL('./by-hand-worker.js', import.meta.url), { workerData: { bytes } }),
  );
  return {
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

/** Documents are small, because results are what is measured. */
function* documents(count: number): Generator<Document> {
  const bytes = new Uint8Array(100);
  for (let index = 0; index < count; index++)
    yield { index, id: `document-${index}`, size: bytes.length, bytes };
}
