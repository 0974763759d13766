import {
  type Corpus,
  type CorpusDocument,
  type FileList,
  notSampled,
  refuseChanged,
  sampleFiles,
} from '../../workloads/documents.js';
import { type Kind, WorkloadError } from '../../workloads/workload.js';
import type { CorpusFile } from '../trials/corpus-file.js';
import type { Oracle } from '../trials/oracle-host.js';
import type { LoadedStrategy } from '../trials/plan.js';
import type { StageCost } from '../trials/splits.js';
import {
  lastDocuments,
  neededWarmupMs,
  type Pass,
  runUntilWarm,
  warmCosts,
  wholePass,
} from '../trials/warming.js';
import { counted, inTurn } from '../words/units.js';
import { costBeside } from './cost-beside.js';
import { type OracleOptions, TaskOracle } from './oracle.js';
import { isRemembered, memoryTest } from './remembering.js';

/**
 * The survey runs the task over a sample of the folder, one document after the other, and times each of
 * them. The task's thread reads each document when it begins it, so a document's cost includes reading it.
 */

export interface SurveyOptions extends OracleOptions {
  /** The files to sample from, the large ones excluded. */
  readonly list: FileList;
  readonly seed: number;
  readonly say: (step: string) => void;
  /** The survey calls the task no more often than this; null: as often as the time allows. */
  readonly maxCalls: number | null;
  /** One of them may run several documents at the same time on its caller's thread. */
  readonly strategies: readonly LoadedStrategy[];
}

export interface Survey {
  readonly documents: readonly CorpusDocument[];
  /** An oracle reads here which files the documents are. */
  readonly file: CorpusFile;
  /** The cost of each document, milliseconds, measured with warm code if it ran twice. */
  readonly costsMs: readonly number[];
  /** The warm-up that an engine needs among others, ms; 0: the usual one, or it was not measured. */
  readonly neededWarmupMs: number;
  /** The digests are of the documents' results. */
  readonly digests: readonly string[];
  readonly kind: Kind;
  /** Averages per document. It computes less beside others than alone, if that was measured. */
  readonly cost: { readonly taskMs: number; readonly cpuMs: number; readonly loopMs: number };
  readonly resultBytes: number | null;
  /** The task writes into the bytes that it gets, or gives their memory away. */
  readonly changesBytes: boolean;
  /** True if the task remembers results, so that running a document again costs far less. */
  readonly remembers: boolean;
  /** What each stage costs; null where the task is one function. */
  readonly stages: readonly StageCost[] | null;
  /** The task was called this often. */
  readonly calls: number;
}

/** Documents that are tried first, to see about how long one takes. */
const probes = 5;
/**
 * Share of the budget that the survey's first run of each document may take, and also the run of several at
 * the same time.
 */
const surveyShare = 0.15;
export const minDocuments = 8;
const maxDocuments = 5000;
/** Size of the survey: `pick` itself has its documents in memory, for their hash. */
const maxBytes = 64e6;
/**
 * Documents run a second time, from the last one backwards, as long as their first runs took no more than
 * this.
 */
const againMs = 1500;

/**
 * @throws CorpusError if documents cannot be read; WorkloadError if the task cannot be used, fails on every
 * document, takes too long for the budget, or gives different results the second time
 */
export async function takeSurvey(options: SurveyOptions): Promise<Survey> {
  const { list, seed, task, say } = options;
  const oracle = new TaskOracle(options);
  try {
    const { kind: declared, stages } = await oracle.inspect();
    const few = await sampleFiles(list, { count: Math.min(probes, list.files.length), seed });
    const probe = await oracle.run(oracle.write(few.documents, 'probe'));
    const count = affordable(probe.taskMs / few.documents.length, options);
    const sample = await sampleFiles(list, { count, seed });
    const left = notSampled(list);
    if (left !== null) say(left);
    say(`${task.name}: running ${inTurn(sample.documents.length)}`);
    const file = oracle.write(sample.documents, 'survey');
    const first = await oracle.run(file, { timeMs: surveyShare * options.budgetMs });
    const documents = sample.documents.slice(0, first.costsMs.length);
    if (first.failed > 0) {
      const all = counted(documents.length, 'document');
      say(`${task.name}: failed on ${first.failed} of ${all}; on ${first.failure}`);
    }
    const again = lastDocuments(wholePass(first.costsMs), againMs);
    const indices = options.maxCalls === null ? repeated(again, first.costsMs) : again;
    const second = await oracle.run(file, { indices });
    refuseChanged(documents);
    refuseDifferent({ ...sample, documents }, { first, second, indices }, options);
    const twice = warmCosts([{ indices, costsMs: second.costsMs }]);
    const memory = await remembersResults(file, { first: first.costsMs, twice }, options);
    const { remembers } = memory;
    const isWhole = !remembers && again.length === documents.length;
    const kind = declared ?? (isWhole ? second : first).kind;
    const passes = { first, second, indices };
    // What waits costs about as much when the code is cold. Calls that are counted are not spent on it.
    const warmed =
      remembers || kind === 'io' || options.maxCalls !== null
        ? { latest: second, passes: asPasses(passes), neededWarmupMs: 0 }
        : await ranUntilWarm(passes, (some) => oracle.run(file, { indices: some }), options);
    const least = warmCosts(warmed.passes);
    // Without memory of results, the least cost of a document is that of warm code.
    const costsMs = first.costsMs.map((ms, i) => (remembers ? ms : (least.get(i) ?? ms)));
    const warm = isWhole ? warmed.latest : first;
    const stageCosts = stages === null ? null : await oracle.stageCosts(file);
    const alone = averages(warm);
    const failedShare = first.failed / documents.length;
    const beside = remembers
      ? null
      : await costBeside(oracle, {
          ...options,
          file,
          kind,
          alone,
          failedShare,
          longestMs: surveyShare * options.budgetMs,
        });
    return {
      documents,
      file,
      costsMs,
      neededWarmupMs: warmed.neededWarmupMs,
      digests: first.digests,
      kind,
      cost: beside === null ? alone : { ...alone, ...beside },
      resultBytes: first.resultBytes && first.resultBytes / documents.length,
      changesBytes: first.changesBytes,
      remembers,
      stages: stageCosts,
      // Stages run once more, over about as many documents.
      calls: oracle.calls + memory.calls + (stages === null ? 0 : documents.length),
    };
  } finally {
    oracle.end();
  }
}

/** Documents may run this often in the survey: first, again, in a fresh process, and in stages. */
const timesInSurvey = 4;

function affordable(documentMs: number, { list: { files }, budgetMs, maxCalls }: SurveyOptions): number {
  const inTime = Math.floor((surveyShare * budgetMs) / Math.max(documentMs, 1e-3));
  const meanBytes = files.reduce((sum, { size }) => sum + size, 0) / files.length;
  const inMemory = Math.floor(maxBytes / Math.max(1, meanBytes));
  const paid = maxCalls === null ? maxDocuments : Math.floor((maxCalls - probes) / timesInSurvey);
  return Math.min(files.length, Math.max(minDocuments, Math.min(inTime, inMemory, maxDocuments, paid)));
}

/** Less work than this says little about waiting and about what microseconds of work cost, milliseconds. */
const minAgainMs = 50;
const maxRepeats = 100;

/** Repeats short work, until the second run is long enough to measure. */
function repeated(indices: readonly number[], costsMs: readonly number[]): number[] {
  const onceMs = indices.reduce((sum, i) => sum + (costsMs[i] as number), 0);
  const times = Math.min(maxRepeats, Math.max(1, Math.ceil(minAgainMs / Math.max(onceMs, 1e-3))));
  return Array.from({ length: times }, () => indices).flat();
}

interface Runs {
  readonly first: Oracle;
  readonly second: Oracle;
  /** The documents that ran again, in order. */
  readonly indices: readonly number[];
}

/** Passes over documents that are not warm yet may take this share of the budget. */
const warmingShare = 0.05;

/** Runs documents until they no longer become cheaper, and tells how long that has taken. */
async function ranUntilWarm(
  runs: Runs,
  run: (indices: readonly number[]) => Promise<Oracle>,
  { budgetMs }: SurveyOptions,
): Promise<{ readonly latest: Oracle; readonly passes: readonly Pass[]; readonly neededWarmupMs: number }> {
  let latest = runs.second;
  const passes = await runUntilWarm(
    asPasses(runs),
    async (indices) => {
      latest = await run(indices);
      return latest.costsMs;
    },
    warmingShare * budgetMs,
  );
  return { latest, passes, neededWarmupMs: neededWarmupMs(passes) };
}

function asPasses({ first, second, indices }: Runs): [Pass, Pass] {
  return [wholePass(first.costsMs), { indices, costsMs: second.costsMs }];
}

function refuseDifferent(
  { documents }: Corpus,
  { first, second, indices }: Runs,
  { task }: SurveyOptions,
): void {
  const differs = indices.find((index, i) => first.digests[index] !== second.digests[i]);
  if (differs === undefined) return;
  throw new WorkloadError(
    `task "${task.name}" gives another result for "${documents[differs]?.id}" when it runs again, ` +
      'so strategies cannot be checked against each other: ' +
      'export `digest(result)`, which returns what must be equal',
  );
}

async function remembersResults(
  file: CorpusFile,
  { first, twice }: { readonly first: readonly number[]; readonly twice: ReadonlyMap<number, number> },
  options: SurveyOptions,
): Promise<{ readonly remembers: boolean; readonly calls: number }> {
  const test = memoryTest({ first, second: first.map((_, i) => twice.get(i) ?? null) });
  if (test === null) return { remembers: false, calls: 0 };
  const fresh = new TaskOracle(options);
  try {
    const { costsMs } = await fresh.run(file, { indices: test.indices });
    return { remembers: isRemembered(test, costsMs), calls: fresh.calls };
  } finally {
    fresh.end();
  }
}

/**
 * Returns the averages per document. CPU and loop time are capped, as they cannot exceed the task's own
 * time.
 */
function averages({ taskMs, cpuMs, loopMs, costsMs }: Oracle): Survey['cost'] {
  const documents = costsMs.length;
  return {
    taskMs: taskMs / documents,
    cpuMs: Math.min(cpuMs, taskMs) / documents,
    loopMs: Math.min(loopMs, taskMs) / documents,
  };
}
