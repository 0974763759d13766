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
import { documentsWanted, type Grain, mostDocuments, timesOver } from './arms.js';

/** What all arms are measured on, and what one document costs alone. */
export interface Sample {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly grain: Grain;
  /** Of the sampled documents, without repetitions. */
  readonly unique: number;
}

export interface SampleOptions {
  readonly task: WorkloadRef;
  /** Folder or glob. */
  readonly docs: string;
  readonly seed: number;
  readonly strategies: readonly LoadedStrategy[];
  /** Module of the strategy whose results all others must equal. */
  readonly baseline: string;
  readonly cores: number;
  readonly budgetMs: number;
  readonly say: (step: string) => void;
}

/** The first look: so many documents tell about how long one takes. */
const probes = 5;
/** Of the budget, what it may take to know the right results. */
const oracleShare = 0.15;
const leastDocuments = 8;
/** Of a pass: every trial holds it in its memory, which is measured. */
const mostBytes = 32e6;
/** The oracle runs again when that costs no more than this: its first pass is slower than any that follows. */
const againMs = 1500;

/**
 * Samples the documents, stratified by size, as many as the budget has time for; runs the task over them one after the other;
 * repeats them until there are enough to keep the largest number of workers busy.
 * @throws CorpusError when documents cannot be read; WorkloadError when the task cannot be used, fails on every document, takes too long
 * for the budget, or gives other results the second time
 */
export async function takeSample(wards: Wards, options: SampleOptions): Promise<Sample> {
  const { task, docs, seed, say, strategies, cores } = options;
  const list = await findFiles(docs);
  const oracle = new Helper(wards, new URL('../trials/oracle-host.js', import.meta.url));
  try {
    const ask = new Questions(oracle, wards, options);
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
    const grain: Grain = {
      taskMs: taskMs / count,
      cpuMs: Math.min(cpuMs, taskMs) / count,
      loopMs: Math.min(loopMs, taskMs) / count,
    };
    const kind = declared ?? truth.kind;
    const wanted = documentsWanted(strategies, { kind, grain, cores });
    const whole = repeated(
      corpus,
      timesOver(count, {
        wanted: Math.max(count, wanted),
        most: documentsIn(mostBytes, sizeProfile(corpus)),
      }),
    );
    const file = writeCorpus(join(wards.folder, 'sample'), whole.documents);
    writeTruth(file, {
      digests: whole.documents.map(({ index }) => truth.digests[index % count] as string),
      resultBytes: truth.resultBytes && truth.resultBytes / count,
    });
    const prepared = preparedCorpus(whole, { file, grain, sampled: corpus });
    return { workload: { ref: task, kind, corpora: [prepared] }, corpus: prepared, grain, unique: count };
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
  const most = Math.floor((oracleShare * budgetMs) / Math.max(documentMs, 1e-3));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  return Math.min(
    files.length,
    mostDocuments,
    Math.max(leastDocuments, Math.min(most, documentsIn(mostBytes, { bytes, documents: files.length }))),
  );
}

function documentsIn(
  most: number,
  { bytes, documents }: { readonly bytes: number; readonly documents: number },
): number {
  return Math.floor(most / Math.max(1, bytes / documents));
}

/** What the task says to the oracle, and what the oracle says of it. */
class Questions {
  readonly #oracle: Helper;
  readonly #wards: Wards;
  readonly #options: SampleOptions;

  constructor(oracle: Helper, wards: Wards, options: SampleOptions) {
    this.#oracle = oracle;
    this.#wards = wards;
    this.#options = options;
  }

  /** What the task says of itself; null when nothing. */
  async kind(): Promise<Kind | null> {
    return (
      (await this.#oracle.ask<Kind | null>({
        kind: 'inspect',
        workload: this.#options.task,
      } satisfies OracleRequest)) ?? null
    );
  }

  /** @throws WorkloadError when it takes longer than the budget has */
  async run(corpus: Corpus, name: string): Promise<Oracle> {
    const { task, baseline, budgetMs } = this.#options;
    const file = writeCorpus(join(this.#wards.folder, name), corpus.documents);
    const request: OracleRequest = { kind: 'run', workload: task, strategy: baseline, corpus: file };
    const found = await this.#oracle.ask<Oracle>(request, { timeoutMs: budgetMs }).catch((cause: Error) => {
      if (!cause.message.startsWith('no answer within')) throw cause;
      throw new WorkloadError(
        `task "${task.name}" did not get through ${corpus.documents.length} documents in ${duration(budgetMs)}: give a longer --time-budget, or see with forkwise check where it hangs`,
      );
    });
    if (found.failed < corpus.documents.length) return found;
    throw new WorkloadError(`task "${task.name}" failed on every document; on ${found.failure}`);
  }

  /** With the time of the second pass where there is one, and digests that do not change. */
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
    throw new WorkloadError(
      `task "${task.name}" gives another result for "${corpus.documents[differs]?.id}" when it runs again, so that strategies could not be checked against each other: export \`digest(result)\` with what must be equal`,
    );
  }
}

/** The same documents again, under the same names: a task may tell of its document's name. */
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
  { file, grain, sampled }: { file: CorpusFile; grain: Grain; sampled: Corpus },
): PreparedCorpus {
  const { documents, bytes } = sizeProfile(corpus);
  return {
    name: corpus.name,
    file,
    hash: corpusHash(sampled),
    profile: sizeProfile(sampled),
    documents,
    bytes,
    sequentialMs: grain.taskMs * documents,
  };
}
