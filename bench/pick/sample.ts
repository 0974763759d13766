import { join } from 'node:path';
import {
  type Corpus,
  CorpusError,
  corpusHash,
  type FileList,
  findFiles,
  sampleFiles,
  sizeProfile,
} from '../../workloads/documents.js';
import { type Document, type Kind, WorkloadError, type WorkloadRef } from '../../workloads/workload.js';
import { type CorpusFile, writeCorpus, writeTruth } from '../trials/corpus-file.js';
import { Helper } from '../trials/helper.js';
import type { Wards } from '../trials/helper-processes.js';
import type { Oracle, OracleRequest } from '../trials/oracle-host.js';
import type { LoadedStrategy, PreparedCorpus, PreparedWorkload } from '../trials/plan.js';
import { duration } from '../words/units.js';
import { type DocumentCost, documentsWanted } from './configurations.js';
import { maxSampled, timesOver } from './pass-size.js';

/** The documents that all configurations are measured on, and what one of them costs alone. */
export interface Sample {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly cost: DocumentCost;
  /** Number of sampled documents, without repetitions. */
  readonly unique: number;
}

export interface SampleOptions {
  readonly task: WorkloadRef;
  /** The folder, or a glob that selects files. */
  readonly docs: string;
  readonly seed: number;
  readonly strategies: readonly LoadedStrategy[];
  /** The strategy whose results all others must equal. */
  readonly baseline: LoadedStrategy;
  readonly cores: number;
  readonly budgetMs: number;
  readonly say: (step: string) => void;
}

/** Documents that are tried first, to see about how long one takes. */
const probes = 5;
/** Share of the budget that the sequential run, which gives the expected results, may take. */
const oracleShare = 0.15;
const minDocuments = 8;
/** Size of a pass: every trial holds it in its memory, which is measured. */
const maxBytes = 32e6;
/**
 * The oracle runs a second time if that takes no longer than this: its first pass is slower than later ones.
 */
const againMs = 1500;

/**
 * * Samples documents, stratified by size, as many as the budget has time for. Runs the task over them one
 * after the other. Repeats them until there are enough to keep the largest number of workers busy.
 * @throws CorpusError if documents cannot be read; WorkloadError if the task cannot be used, fails on every
 * document, takes too long for the budget, or gives different results the second time
 */
export async function takeSample(wards: Wards, options: SampleOptions): Promise<Sample> {
  const { task, docs, seed, say, strategies, cores } = options;
  const list = await findFiles(docs);
  const oracle = new Helper(wards, new URL('../trials/oracle-host.js', import.meta.url));
  try {
    const ask = new Oracles(oracle, wards, options);
    const declared = await ask.kind();
    const first = await ask.run(
      await sampleFiles(list, { count: Math.min(probes, list.files.length), seed }),
      'probe',
    );
    const count = affordable(first.taskMs / first.digests.length, list, options.budgetMs);
    say(`${task.name}: results of ${count} documents, one after the other`);
    const corpus = await sampleFiles(list, { count, seed });
    const truth = await ask.truth(corpus);
    const { taskMs, cpuMs, loopMs } = truth;
    const cost: DocumentCost = {
      taskMs: taskMs / count,
      cpuMs: Math.min(cpuMs, taskMs) / count,
      loopMs: Math.min(loopMs, taskMs) / count,
    };
    const kind = declared ?? truth.kind;
    const wanted = documentsWanted(strategies, { kind, cost, cores });
    const whole = repeated(
      corpus,
      timesOver(count, {
        wanted: Math.max(count, wanted),
        max: documentsIn(maxBytes, sizeProfile(corpus)),
      }),
    );
    const file = writeCorpus(join(wards.folder, 'sample'), whole.documents);
    writeTruth(file, {
      digests: whole.documents.map(({ index }) => truth.digests[index % count] as string),
      resultBytes: truth.resultBytes && truth.resultBytes / count,
    });
    const prepared = preparedCorpus(whole, { file, cost, sampled: corpus });
    return { workload: { ref: task, kind, corpora: [prepared] }, corpus: prepared, cost, unique: count };
  } catch (cause) {
    if (cause instanceof CorpusError || (cause as Error).name === 'WorkloadError') throw cause;
    throw new WorkloadError(`task "${task.name}": ${(cause as Error).message}; see forkwise check`, {
      cause,
    });
  } finally {
    oracle.end();
  }
}

function affordable(documentMs: number, { files }: FileList, budgetMs: number): number {
  const max = Math.floor((oracleShare * budgetMs) / Math.max(documentMs, 1e-3));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return Math.min(
    files.length,
    maxSampled,
    Math.max(minDocuments, Math.min(max, documentsIn(maxBytes, { bytes, documents: files.length }))),
  );
}

function documentsIn(
  max: number,
  { bytes, documents }: { readonly bytes: number; readonly documents: number },
): number {
  return Math.floor(max / Math.max(1, bytes / documents));
}

/**
 * Asks the oracle, a process that runs the task over documents one after the other, and checks its answers.
 */
class Oracles {
  readonly #oracle: Helper;
  readonly #wards: Wards;
  readonly #options: SampleOptions;

  constructor(oracle: Helper, wards: Wards, options: SampleOptions) {
    this.#oracle = oracle;
    this.#wards = wards;
    this.#options = options;
  }

  /** The kind that the task declares; null if it declares none. */
  async kind(): Promise<Kind | null> {
    return (
      (await this.#oracle.ask<Kind | null>({
        kind: 'inspect',
        workload: this.#options.task,
      } satisfies OracleRequest)) ?? null
    );
  }

  /** Runs the task over the documents. @throws WorkloadError if that takes longer than the budget */
  async run(corpus: Corpus, name: string): Promise<Oracle> {
    const { task, baseline, budgetMs } = this.#options;
    const file = writeCorpus(join(this.#wards.folder, name), corpus.documents);
    const request: OracleRequest = { kind: 'run', workload: task, strategy: baseline.url, corpus: file };
    const found = await this.#oracle.ask<Oracle>(request, { timeoutMs: budgetMs }).catch((cause: Error) => {
      if (!cause.message.startsWith('no answer within')) throw cause;
      const late = `did not finish ${corpus.documents.length} documents in ${duration(budgetMs)}`;
      throw new WorkloadError(
        `task "${task.name}" ${late}: use a longer --time-budget, or see with forkwise check where it hangs`,
      );
    });
    if (found.failed < corpus.documents.length) return found;
    throw new WorkloadError(`task "${task.name}" failed on every document; on ${found.failure}`);
  }

  /**
   * Runs it twice if that is cheap: the second pass has the times of warm code, and must give the same
   * digests.
   */
  async truth(corpus: Corpus): Promise<Oracle> {
    const { task, say } = this.#options;
    const first = await this.run(corpus, 'oracle');
    if (first.failed > 0)
      say(
        `${task.name}: failed on ${first.failed} of ${corpus.documents.length} documents; on ${first.failure}`,
      );
    if (first.taskMs > againMs) return first;
    const second = await this.run(corpus, 'oracle');
    const differs = second.digests.findIndex((digest, i) => digest !== first.digests[i]);
    if (differs < 0) return second;
    const id = corpus.documents[differs]?.id;
    throw new WorkloadError(
      `task "${task.name}" gives another result for "${id}" when it runs again, so strategies cannot be checked ` +
        'against each other: export `digest(result)`, which returns what must be equal',
    );
  }
}

/** Repeats the documents under the same names, because a result may contain its document's name. */
function repeated({ name, documents }: Corpus, count: number): Corpus {
  return {
    name,
    documents: Array.from({ length: count }, (_, index) => ({
      ...(documents[index % documents.length] as Document),
      index,
    })),
  };
}

function preparedCorpus(
  corpus: Corpus,
  { file, cost, sampled }: { file: CorpusFile; cost: DocumentCost; sampled: Corpus },
): PreparedCorpus {
  const { documents, bytes } = sizeProfile(corpus);
  return {
    name: corpus.name,
    file,
    hash: corpusHash(sampled),
    profile: sizeProfile(sampled),
    documents,
    bytes,
    sequentialMs: cost.taskMs * documents,
  };
}
