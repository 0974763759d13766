import { join } from 'node:path';
import { readLimits } from '../../services/limits.js';
import type { ServiceLimit } from '../../strategies/strategy.js';
import { type Strategy, traitsOf } from '../../strategies/strategy.js';
import {
  type Corpus,
  CorpusError,
  corpusHash,
  findFiles,
  formerCorpusHash,
  notSampled,
  refuseChanged,
  sampleFiles,
  sizeProfile,
} from '../../workloads/documents.js';
import { syntheticCorpus } from '../../workloads/synthetic.js';
import { type Kind, WorkloadError, type WorkloadRef } from '../../workloads/workload.js';
import { UsageError } from '../errors.js';
import { checkStages } from '../words/stages.js';
import { counted, inTurn } from '../words/units.js';
import { type CorpusFile, type CorpusSource, writeCorpus, writeTruth } from './corpus-file.js';
import { Helper } from './helper.js';
import type { HelperProcesses } from './helper-processes.js';
import type { Inspected, Oracle, OracleRequest } from './oracle-host.js';
import { oneFileHint } from './own-task.js';
import type { LoadedStrategy, PreparedCorpus, PreparedWorkload } from './plan.js';
import { documentsPerPass } from './profiles.js';
import { type BenchRequest, inputSource } from './request.js';
import type { ServiceRequest } from './service-host.js';
import type { StageCost } from './splits.js';
import { lastDocuments, neededWarmupMs, runUntilWarm, warmCosts, wholePass } from './warming.js';

/**
 * This module makes everything that is made once per run and read by its trials: corpora, services and oracle
 * digests.
 */

export interface PrepareOptions {
  /** URL of the module of the strategy whose digests all other strategies must reproduce. */
  readonly baseline: string;
  readonly say: (step: string) => void;
}

export interface Prepared {
  readonly workloads: readonly PreparedWorkload[];
  /** Ids of the processes that run beside the trials and are no part of what is measured. */
  readonly services: readonly number[];
}

/**
 * Writes the corpora, starts the services, and runs the oracle once over each corpus.
 * @throws CorpusError if documents cannot be read; WorkloadError if a task is unusable or fails on all
 * documents.
 */
export async function prepare(
  helpers: HelperProcesses,
  request: BenchRequest,
  { baseline, say }: PrepareOptions,
): Promise<Prepared> {
  const corpora = await corpusMaker(request, say);
  const source = inputSource(request);
  const services = new Map<string, RunningService>();
  const prepared: PreparedWorkload[] = [];
  for (const { name, url, service } of request.workloads) {
    const ref: WorkloadRef = {
      name,
      url,
      options:
        service === undefined ? request.options : await serviceOptions(helpers, services, service, request),
    };
    const oracle = new Helper(helpers, new URL('./oracle-host.js', import.meta.url));
    try {
      const { kind: said, stages } = await oracle.ask<Inspected>({
        kind: 'inspect',
        workload: ref,
      } satisfies OracleRequest);
      if (request.stages !== null && stages !== null) checkStages(request.stages, stages);
      const kind =
        said ??
        (await measuredKind(oracle, { helpers, ref, baseline, say, source, corpora: await corpora('io') }));
      const ready: PreparedCorpus[] = [];
      // The first corpus finds the code cold, and the others find it warm.
      let warm: Warmed | null = null;
      for (const corpus of await corpora(kind)) {
        const count = corpus.documents.length;
        say(`${name}: running ${inTurn(count)} (${corpus.name})`);
        const file = writeCorpus(
          join(helpers.folder, `${prepared.length}-${ready.length}`),
          corpus.documents,
          source,
        );
        const truth = await oracle.ask<Oracle>({
          kind: 'run',
          workload: ref,
          strategy: baseline,
          corpus: file,
        } satisfies OracleRequest);
        if (source === 'files') refuseChanged(corpus.documents);
        if (truth.failed === corpus.documents.length) {
          const hint = corpus.name === 'docs' ? oneFileHint(corpus.documents.length) : '';
          throw new WorkloadError(
            `task "${name}" failed on every document of "${corpus.name}"; first on ${truth.failure}${hint}`,
          );
        }
        if (ready.length === 0 && kind === 'cpu' && request.maxCalls === null)
          warm = await warmed(oracle, {
            truth,
            request: { workload: ref, strategy: baseline, corpus: file },
          });
        const { documents, bytes } = sizeProfile(corpus);
        if (truth.failed > 0) {
          const all = counted(documents, 'document');
          say(`${name}: failed on ${truth.failed} of ${all}; first on ${truth.failure}`);
        }
        writeTruth(file, {
          digests: truth.digests,
          resultBytes: truth.resultBytes && truth.resultBytes / documents,
          changesBytes: truth.changesBytes,
        });
        ready.push({
          name: corpus.name,
          file,
          hash: corpusHash(corpus),
          formerHash: formerCorpusHash(corpus),
          documents,
          bytes,
          profile: sizeProfile(corpus),
          sequentialMs: ready.length === 0 ? (warm?.sequentialMs ?? truth.taskMs) : truth.taskMs,
          ...(warm !== null && { neededWarmupMs: warm.neededWarmupMs }),
          ...(stages !== null && { stages: await stageCosts(oracle, { ref, file }) }),
        });
      }
      prepared.push({
        ref,
        kind,
        corpora: ready,
        ...(service !== undefined && request.llm.limits.length > 0 && { limits: request.llm.limits }),
      });
    } catch (cause) {
      // An error of the helper process itself has its own name. Every other error was thrown by the task's
      // setup, teardown or digest.
      if (cause instanceof CorpusError || cause instanceof UsageError) throw cause;
      if ((cause as Error).name === 'WorkloadError') throw cause;
      throw new WorkloadError(`task "${name}": ${(cause as Error).message}`, { cause });
    } finally {
      oracle.end();
    }
  }
  return { workloads: prepared, services: [...services.values()].map(({ pid }) => pid) };
}

/** Stages run over documents for about this long, so that it is known what each of them costs, ms. */
const stagesMs = 1000;

/** Runs the stages of a task alone. */
export function stageCosts(
  oracle: Pick<Helper, 'ask'>,
  { ref, file }: { readonly ref: WorkloadRef; readonly file: CorpusFile },
): Promise<readonly StageCost[]> {
  return oracle.ask<readonly StageCost[]>({
    kind: 'stages',
    workload: ref,
    corpus: file,
    timeMs: stagesMs,
  } satisfies OracleRequest);
}

type Warmed = Required<Pick<PreparedCorpus, 'sequentialMs' | 'neededWarmupMs'>>;

/** Documents run again for about this long, or until they no longer become cheaper, ms. */
const againMs = 3000;
/** Compiling does not make documents cheaper than this share: the task remembers results. */
const rememberedShare = 1 / 10;

/** Finds out what documents cost once the code is warm, and how long it takes until then. */
async function warmed(
  oracle: Pick<Helper, 'ask'>,
  {
    truth,
    request,
  }: {
    readonly truth: Oracle;
    readonly request: Pick<Extract<OracleRequest, { kind: 'run' }>, 'workload' | 'strategy' | 'corpus'>;
  },
): Promise<Warmed> {
  const run = async (indices: readonly number[]) => {
    const ran = await oracle.ask<Oracle>({ kind: 'run', ...request, indices } satisfies OracleRequest);
    return ran.costsMs;
  };
  const first = wholePass(truth.costsMs);
  const again = lastDocuments(first, againMs / 2);
  const passes = await runUntilWarm([first, { indices: again, costsMs: await run(again) }], run, againMs);
  const sequentialMs = [...warmCosts(passes).values()].reduce((sum, ms) => sum + ms, 0);
  if (sequentialMs < rememberedShare * truth.taskMs) return { sequentialMs: truth.taskMs, neededWarmupMs: 0 };
  return { sequentialMs, neededWarmupMs: neededWarmupMs(passes) };
}

/**
 * Number of documents of each size that are tried for a task that does not declare its kind. The kind then
 * decides how many documents a pass has.
 */
const triedDocuments = 8;

async function measuredKind(
  oracle: Helper,
  {
    helpers,
    ref,
    baseline,
    say,
    source,
    corpora,
  }: PrepareOptions & {
    helpers: HelperProcesses;
    ref: WorkloadRef;
    source: CorpusSource;
    corpora: readonly Corpus[];
  },
): Promise<Kind> {
  const few = corpora.flatMap(({ documents }) => documents.slice(0, triedDocuments));
  const corpus = writeCorpus(join(helpers.folder, 'tried'), few, source);
  const { kind, waiting } = await oracle.ask<Oracle>({
    kind: 'run',
    workload: ref,
    strategy: baseline,
    corpus,
  } satisfies OracleRequest);
  say(
    `${ref.name}: the task does not declare its kind, so it is measured as "${kind}": ` +
      `it waited ${Math.round(100 * waiting)} % of the time (${counted(few.length, 'document')})`,
  );
  return kind;
}

export async function loadStrategies(urls: readonly string[]): Promise<LoadedStrategy[]> {
  return Promise.all(
    urls.map(async (url) => ({
      url,
      strategy: traitsOf(((await import(url)) as { default: Strategy }).default),
    })),
  );
}

/** Looks for the files at once, so that a bad pattern is reported before any task is loaded. */
async function corpusMaker(
  { input, profile, documents, seed }: BenchRequest,
  say: (step: string) => void,
): Promise<(kind: Kind) => Promise<Corpus[]>> {
  if (input.kind === 'files') {
    const list = await findFiles(input.pattern);
    const meanBytes = list.files.reduce((sum, { size }) => sum + size, 0) / list.files.length;
    let told: string | null = null;
    return async (kind) => {
      const count = documents ?? documentsPerPass(profile, kind, meanBytes);
      const corpus = await sampleFiles(list, { count, seed });
      const left = notSampled(list);
      if (left !== null && left !== told) say(left);
      told = left;
      return [corpus];
    };
  }
  const { sizes, complexity } = input;
  return async (kind) =>
    sizes.map(({ name, size }) => {
      const count = documents ?? documentsPerPass(profile, kind, size === 'mixed' ? mixedMean : size);
      return syntheticCorpus({ name, size, count, complexity, seed });
    });
}

/** Mean size of `mixed` documents, bytes. It is accurate enough to choose the number of documents by. */
const mixedMean = 100_000;

interface RunningService {
  readonly address: string;
  readonly pid: number;
}

/** The limits that the server itself enforces: it counts requests. */
function enforced(limits: readonly ServiceLimit[]): { readonly max: number; readonly perMs: number }[] {
  return readLimits(limits).flatMap(({ of, max, perMs }) => (of === 'requests' ? [{ max, perMs }] : []));
}

/** Starts the service if it is not running yet, and returns the options that tell the task its address. */
async function serviceOptions(
  helpers: HelperProcesses,
  services: Map<string, RunningService>,
  url: string,
  { llm, seed }: BenchRequest,
): Promise<WorkloadRef['options']> {
  if (llm.url !== null) return { service: llm.url, model: llm.model, repeatable: false };
  let service = services.get(url);
  if (service === undefined) {
    const host = new Helper(helpers, new URL('./service-host.js', import.meta.url));
    const address = await host.ask<string>({
      url,
      options: { seed, parallel: llm.parallel, limits: enforced(llm.limits) },
    } satisfies ServiceRequest);
    service = { address, pid: host.pid };
    services.set(url, service);
  }
  return { service: service.address, model: llm.model, repeatable: true };
}
