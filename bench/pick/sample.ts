import { join } from 'node:path';
import {
  type CorpusDocument,
  CorpusError,
  corpusHash,
  type FileList,
  findFiles,
  sizeProfile,
} from '../../workloads/documents.js';
import { WorkloadError, type WorkloadRef } from '../../workloads/workload.js';
import { mean } from '../stats/estimate.js';
import type { CorpusCosts, SetApart } from '../tables/environment.js';
import { writeNames, writeTruth } from '../trials/corpus-file.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { LoadedStrategy, PreparedCorpus, PreparedWorkload } from '../trials/plan.js';
import { documentsWanted } from './configurations.js';
import { folderCost } from './folder-cost.js';
import { timeLarge, withoutLarge } from './large-documents.js';
import { documentsWithin, maxSampled, stratifiedOrder, timesOver } from './pass-size.js';
import type { DocumentCost } from './per-worker.js';
import { type Survey, takeSurvey } from './survey.js';

/** The documents that all configurations are measured on, and what they cost alone. */
export interface Sample {
  readonly workload: PreparedWorkload;
  readonly corpus: PreparedCorpus;
  readonly cost: DocumentCost;
  /** Number of sampled documents, without repetitions. */
  readonly unique: number;
  /** Makes the same sample again, in another process. */
  readonly record: SampleRecord;
  /** The costs of the folder's documents, as far as the survey knows them. */
  readonly folder: Omit<CorpusCosts, 'pass_mean_ms'>;
  /** The task was called this often for it. */
  readonly calls: number;
}

/**
 * A sample without its contents. Costs differ each time they are measured, and the order follows from them.
 */
export interface SampleRecord {
  /** The ids of the documents in a pass, which are listed once. */
  readonly ids: readonly string[];
  readonly costsMs: readonly number[];
  readonly cost: DocumentCost;
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
  /** The task is called no more often than this, also in the race; null: as often as the time allows. */
  readonly maxCalls?: number | null;
  /** Absent: a new sample is taken. */
  readonly earlier?: SampleRecord;
}

/** A document is expensive if it costs more than this share of the budget: few passes would fit. */
const expensiveShare = 0.02;
/** A pass has at most this many bytes. */
const maxPassBytes = 32e6;

/**
 * Times as many documents of the folder as the budget allows, each once, and takes the documents for the
 * passes from them, stratified by cost. Large and expensive documents are set apart: they enter the costs,
 * but not the passes.
 * @throws CorpusError if documents cannot be read; WorkloadError if the task cannot be used, fails on every
 * document, takes too long for the budget, or gives different results the second time
 */
export async function takeSample(helpers: HelperProcesses, options: SampleOptions): Promise<Sample> {
  const { task, docs, baseline, budgetMs } = options;
  try {
    const { list, large } = withoutLarge(await findFiles(docs));
    const asking = { helpers, task, baseline: baseline.url, budgetMs };
    const survey = await takeSurvey({ ...options, ...asking, list, maxCalls: surveyCalls(options.maxCalls) });
    return prepare(helpers, { survey, list, large: await timeLarge(large, asking), options });
  } catch (cause) {
    if (cause instanceof CorpusError || (cause as Error).name === 'WorkloadError') throw cause;
    throw new WorkloadError(`task "${task.name}": ${(cause as Error).message}; see forkwise check`, {
      cause,
    });
  }
}

/** Parts of the calls that the survey, and one pass of a configuration, may take. */
const surveyShare = 0.25;
const passShare = 1 / 60;
/** A pass with fewer documents says little. */
const minInPass = 8;

/** Returns how many calls of the task the survey may make; null where they are not counted. */
export function surveyCalls(maxCalls: number | null = null): number | null {
  return maxCalls === null ? null : Math.floor(surveyShare * maxCalls);
}

function passCalls(maxCalls: number | null): number {
  return maxCalls === null ? Number.POSITIVE_INFINITY : Math.max(minInPass, Math.floor(passShare * maxCalls));
}

interface Surveyed {
  readonly survey: Survey;
  readonly list: FileList;
  readonly large: readonly SetApart[];
  readonly options: SampleOptions;
}

function prepare(helpers: HelperProcesses, surveyed: Surveyed): Sample {
  const { survey, large, options } = surveyed;
  const { task, seed, strategies, cores, budgetMs, earlier } = options;
  const { regular, expensive } = withoutExpensive(survey, budgetMs);
  const chosen =
    earlier === undefined
      ? passDocuments(regular, survey, { seed, maxCalls: options.maxCalls ?? null })
      : indicesOf(earlier.ids, survey.documents);
  const costsMs = earlier?.costsMs ?? chosen.map((i) => survey.costsMs[i] as number);
  const cost = earlier?.cost ?? scaled(survey.cost, mean(costsMs) / Math.max(mean(survey.costsMs), 1e-6));
  const documents = chosen.map(
    (from, index): CorpusDocument => ({ ...(survey.documents[from] as CorpusDocument), index }),
  );
  const sampled = { name: 'docs', documents };
  const profile = sizeProfile(sampled);
  const wanted = documentsWanted(strategies, {
    kind: survey.kind,
    cost,
    cores,
    maxMemoryBytes: null,
    maxCalls: options.maxCalls ?? null,
    documentBytes: profile.bytes / Math.max(1, profile.documents),
  });
  const max = Math.min(documentsWithin(maxPassBytes, profile), passCalls(options.maxCalls ?? null));
  // A task that remembers results must not meet a document twice.
  const count = survey.remembers
    ? documents.length
    : timesOver(documents.length, { wanted: Math.max(documents.length, wanted), max });
  const whole = repeated(documents, count);
  const file = writeNames(join(helpers.folder, 'sample'), whole);
  writeTruth(file, {
    digests: whole.map(({ index }) => survey.digests[chosen[index % chosen.length] as number] as string),
    resultBytes: survey.resultBytes,
    changesBytes: survey.changesBytes,
  });
  const corpus: PreparedCorpus = {
    name: sampled.name,
    file,
    hash: corpusHash(sampled),
    profile,
    documents: count,
    bytes: (profile.bytes * count) / documents.length,
    sequentialMs: count * mean(costsMs),
    costsMs,
    neededWarmupMs: survey.neededWarmupMs,
    ...(survey.stages !== null && { stages: survey.stages }),
  };
  return {
    workload: { ref: task, kind: survey.kind, corpora: [corpus] },
    corpus,
    cost,
    unique: documents.length,
    record: { ids: documents.map(({ id }) => id), costsMs, cost },
    folder: costsOfFolder(surveyed, expensive),
    calls: survey.calls + large.length,
  };
}

function indicesOf(ids: readonly string[], documents: readonly CorpusDocument[]): number[] {
  const places = new Map(documents.map(({ id }, i) => [id, i]));
  return ids.map((id) => {
    const place = places.get(id);
    if (place === undefined)
      throw new CorpusError(`--docs: expected the documents of the earlier sample, and "${id}" is not there`);
    return place;
  });
}

interface Apart {
  /** Documents for the passes, as indices into the survey. */
  readonly regular: readonly number[];
  readonly expensive: readonly number[];
}

/** Separates the expensive documents, unless more than half of all documents are expensive. */
function withoutExpensive({ costsMs }: Survey, budgetMs: number): Apart {
  const all = costsMs.map((_, i) => i);
  const isExpensive = (i: number) => (costsMs[i] as number) > expensiveShare * budgetMs;
  const expensive = all.filter(isExpensive);
  if (2 * expensive.length > all.length) return { regular: all, expensive: [] };
  return { regular: all.filter((i) => !isExpensive(i)), expensive };
}

/**
 * The documents of a pass in their order, as indices into the survey; a subset if all would be too many or
 * too large.
 */
function passDocuments(
  regular: readonly number[],
  { costsMs, documents }: Survey,
  { seed, maxCalls }: { readonly seed: number; readonly maxCalls: number | null },
): number[] {
  const costs = regular.map((i) => costsMs[i] as number);
  const bytes = regular.reduce((sum, i) => sum + (documents[i] as CorpusDocument).size, 0);
  const inBytes = documentsWithin(maxPassBytes, { bytes, documents: regular.length });
  const count = Math.min(maxSampled, inBytes, passCalls(maxCalls));
  return stratifiedOrder(costs, seed)
    .slice(0, Math.max(1, count))
    .map((place) => regular[place] as number);
}

function costsOfFolder(
  { survey, list, large }: Surveyed,
  expensive: readonly number[],
): Omit<CorpusCosts, 'pass_mean_ms'> {
  const timed = survey.documents.map(({ size }, i) => ({ bytes: size, ms: survey.costsMs[i] as number }));
  const { documents, meanMs, relativeError } = folderCost({
    timed,
    sizes: list.files.map(({ size }) => size),
    large,
  });
  const apart = expensive.map((i): SetApart => {
    const { id, size } = survey.documents[i] as CorpusDocument;
    return { id, bytes: size, ms: survey.costsMs[i] as number, reason: 'expensive' };
  });
  return {
    folder_documents: documents,
    surveyed_documents: timed.length + large.filter(({ ms }) => ms !== null).length,
    folder_mean_ms: meanMs,
    folder_mean_error: relativeError,
    set_apart: [...apart, ...large],
    remembers: survey.remembers,
  };
}

function scaled({ taskMs, cpuMs, loopMs }: DocumentCost, factor: number): DocumentCost {
  return { taskMs: factor * taskMs, cpuMs: factor * cpuMs, loopMs: factor * loopMs };
}

/** Repeats the documents under the same names, because a result may contain its document's name. */
function repeated(documents: readonly CorpusDocument[], count: number): CorpusDocument[] {
  return Array.from({ length: count }, (_, index) => ({
    ...(documents[index % documents.length] as CorpusDocument),
    index,
  }));
}
