import { pathToFileURL } from 'node:url';
import type { Strategy, StrategyEntry } from '../../../strategies/strategy.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import type { Document } from '../../../workloads/workload.js';

/**
 * One turn of `npm run bench:against`: measures one configuration of one checkout in a process of its own and
 * prints the result as JSON. Both checkouts are measured by this file. It imports their strategies and
 * workloads by path, through the lists that every checkout has, and uses nothing of them but the contract of
 * strategies.
 */
export interface Turn {
  /** The checkout is built in this folder. */
  readonly checkout: string;
  readonly strategy: string;
  /** Name of a workload, or `kernel` for a task that does nothing. */
  readonly workload: string;
  readonly workers: number;
  readonly documentBytes: number;
  /** Passes are timed until this much time has been measured. Half of it is spent on warming up before. */
  readonly timeMs: number;
}

export interface Measured {
  readonly documents: number;
  readonly wallMs: number;
}

/** This many bytes of distinct documents exceed the processor's caches, which would flatter copying. */
const corpusBytes = 64e6;
const maxDocuments = 20_000;
const maxPassDocuments = 2 ** 20;

const turn = JSON.parse(process.argv[2] ?? '') as Turn;
console.log(JSON.stringify(await measure(turn)));

async function measure({ checkout, workers, documentBytes, timeMs, ...names }: Turn): Promise<Measured> {
  const url = await urlIn(checkout, 'strategies', names.strategy);
  const { default: strategy } = (await import(url)) as { default: Strategy };
  const workload = await workloadOf(checkout, names.workload);
  const corpus = names.workload === 'kernel' ? blanks(documentBytes) : texts(documentBytes);
  const delivery = strategy.deliveries[0];
  const session = await strategy.open(workload, { workers: strategy.scales ? workers : 1, delivery });
  try {
    const timed = async (count: number) => {
      let done = 0;
      const startedMs = performance.now();
      await session.run(repeated(corpus, count), ({ status }) => {
        if (status === 'ok') done++;
      });
      const ms = performance.now() - startedMs;
      if (done !== count) throw new Error(`expected ${count} documents with status ok, got ${done}`);
      return ms;
    };
    // Passes double until one takes a quarter of the time. They warm up and find the length of a pass.
    let count = 16;
    while (count < maxPassDocuments && (await timed(count)) < timeMs / 4) count *= 2;
    let documents = 0;
    let wallMs = 0;
    while (wallMs < timeMs) {
      wallMs += await timed(count);
      documents += count;
    }
    return { documents, wallMs };
  } finally {
    await session.close();
  }
}

/** Finds an entry's module through the checkout's own list. @throws Error when the list lacks the name. */
async function urlIn(checkout: string, list: 'strategies' | 'workloads', name: string): Promise<string> {
  const url = new URL(`dist/${list}/index.js`, pathToFileURL(`${checkout}/`));
  const entries = ((await import(url.href)) as Record<string, readonly StrategyEntry[]>)[list] ?? [];
  const entry = entries.find((each) => each.name === name);
  if (entry !== undefined) return entry.url;
  throw new Error(`expected one of ${entries.map(({ name }) => name).join(', ')} in ${list}, got "${name}"`);
}

async function workloadOf(checkout: string, name: string) {
  const kernel = new URL('../../overhead/kernel.js', import.meta.url).href;
  return { name, url: name === 'kernel' ? kernel : await urlIn(checkout, 'workloads', name), options: {} };
}

/** Documents of zeros, for which the kernel does no steps. Each owns its buffer. */
function blanks(size: number): Document[] {
  const count = Math.min(maxDocuments, Math.ceil(corpusBytes / Math.max(1, size)));
  return Array.from({ length: count }, (_, index) => {
    return { index, id: `document-${index}`, size, bytes: new Uint8Array(size) };
  });
}

function texts(size: number): readonly Document[] {
  const count = Math.max(16, Math.min(1000, Math.ceil(corpusBytes / size)));
  return syntheticCorpus({ name: 'texts', size, count, complexity: 'medium', seed: 1 }).documents;
}

function* repeated(corpus: readonly Document[], count: number): Generator<Document> {
  for (let index = 0; index < count; index++)
    yield { ...(corpus[index % corpus.length] as Document), index, id: `document-${index}` };
}
