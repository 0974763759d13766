import { join } from 'node:path';
import { memoryBytes } from '../../strategies/processes/memory-share.js';
import type { Isolation } from '../../strategies/strategy.js';
import type { Corpus } from '../../workloads/documents.js';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { writeCorpus } from '../trials/corpus-file.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { baselineOf, type LoadedStrategy } from '../trials/plan.js';
import type { Finding } from './finding.js';
import { allFindings } from './findings/index.js';
import type { StrategyUrls } from './lab.js';
import { type Place, type Tried, tryIn } from './probe.js';

export interface Examined {
  readonly tried: readonly Tried[];
  readonly findings: readonly Finding[];
  /** The documents that were tried: fewer than there were if the task is slow. */
  readonly documents: readonly Document[];
}

export interface ExamineOptions {
  readonly task: WorkloadRef;
  readonly corpus: Corpus;
  readonly timeoutMs: number;
  readonly strategies: readonly LoadedStrategy[];
  /** For the whole process tree, bytes; null: the memory there is. */
  readonly maxMemoryBytes: number | null;
  readonly cores: number;
  readonly say: (step: string) => void;
}

/** The first pass over the documents begins none later than this. */
export const passMs = 3_000;

/** Tries a task in all places, and measures what the places cannot show. */
export async function examine(helpers: HelperProcesses, options: ExamineOptions): Promise<Examined> {
  const { task, corpus, timeoutMs, strategies, say } = options;
  const [main, ...others] = placesOf(strategies) as [Place, ...Place[]];
  const all = corpus.documents;
  say(main.name);
  const request = {
    workload: task,
    corpus: writeCorpus(join(helpers.folder, 'check'), all),
    timeoutMs,
    loadsTask: true,
  };
  const first = await tryIn(helpers, main, request);
  const done = first.state === 'done' ? (first.probe.passes[0]?.length ?? 0) : all.length;
  const documents = all.slice(0, done);
  const inTime = documents.filter(({ index }) => endsInTime(first, index));
  const tried: Tried[] = [first];
  const elsewhere = {
    ...request,
    corpus: writeCorpus(join(helpers.folder, 'check-by-cost'), byCost(inTime, first)),
    loadsTask: first.state === 'done' && first.probe.hasDigest,
  };
  for (const place of others) {
    if (first.state !== 'done') {
      tried.push({ place, state: 'skipped' });
      continue;
    }
    say(place.name);
    tried.push(await tryIn(helpers, place, elsewhere));
  }
  if (first.state === 'done') say('several in flight, memory over many documents, shared bytes');
  const lab = {
    helpers,
    task,
    corpus: writeCorpus(join(helpers.folder, 'check-tried'), documents),
    inTime: inTime.map(({ index }) => index),
    strategies: urlsOf(strategies),
  };
  const findings = await allFindings({ tried, timeoutMs, share: shareOf(options) }, lab);
  return { tried, findings, documents };
}

/** A document that does not end in time is tried once, and no more. */
function endsInTime(tried: Tried, index: number): boolean {
  return tried.state !== 'done' || tried.probe.passes[0]?.[index]?.status !== 'timed-out';
}

/** The most expensive documents come first, so that fresh workers begin with them. */
function byCost(documents: readonly Document[], tried: Tried): Document[] {
  const costs = tried.state === 'done' ? (tried.probe.passes.at(-1) ?? []) : [];
  const costMs = (document: Document) => costs[document.index]?.taskMs ?? 0;
  return [...documents].sort((a, b) => costMs(b) - costMs(a));
}

/** The task is tried once at each level of isolation, with the first strategy of the list that has it. */
function placesOf(strategies: readonly LoadedStrategy[]): Place[] {
  const urlOf = (isolation: Isolation) =>
    (strategies.find(({ strategy }) => strategy.isolation === isolation) as LoadedStrategy).url;
  const main = baselineOf(strategies).url;
  return [
    { name: 'main thread', strategy: main, workers: 1, passes: 2, timeMs: passMs, graceMs: 2_000 },
    // A worker that ends is replaced, and the document runs once more: twice its time, and a start each.
    { name: 'two threads at once', strategy: urlOf('thread'), workers: 2, passes: 1, graceMs: 60_000 },
    { name: 'child process', strategy: urlOf('process'), workers: 1, passes: 1, graceMs: 60_000 },
  ];
}

/** The strategies that checks open, by their traits. */
export function urlsOf(strategies: readonly LoadedStrategy[]): StrategyUrls {
  const inFlight = strategies.find(
    ({ strategy }) => strategy.isolation === 'none' && strategy.concurrency === 'in flight',
  );
  if (inFlight === undefined)
    throw new Error('expected a strategy with several documents in flight on one thread, found none');
  return { baseline: baselineOf(strategies).url, inFlight: inFlight.url };
}

/** The workers get this share of the memory; the rest is for buffers, code and the caller. */
const workersShare = 0.8;

function shareOf({ maxMemoryBytes, cores }: ExamineOptions): { bytes: number; workers: number } {
  const workers = Math.max(1, Math.floor(cores));
  return { bytes: (workersShare * (maxMemoryBytes ?? memoryBytes())) / workers, workers };
}
