import { pathToFileURL } from 'node:url';
import {
  type Configuration,
  type Delivery,
  deliveries,
  type ServiceLimit,
  type StrategyEntry,
} from '../../strategies/strategy.js';
import type { WorkloadEntry } from '../../workloads/index.js';
import { type Complexity, complexities } from '../../workloads/synthetic.js';
import type { TaskFile } from '../../workloads/task-file.js';
import { locateTask, taskName } from '../../workloads/task-file.js';
import { type ArrivalFlags, type ArrivalRequest, arrivalRequest } from '../arrivals/request.js';
import { UsageError, unknownName } from '../errors.js';
import { parseCount, parseDuration, parseLimitFlag, parseList, parseSize } from '../words/parse.js';
import { parseStages } from '../words/stages.js';
import { type CorpusSource, corpusSources } from './corpus-file.js';
import { type Profile, profiles } from './profiles.js';

/** The text of each option on the command line, before it is parsed. */
export interface BenchFlags extends ArrivalFlags {
  profile: string;
  workloads?: string;
  task?: string;
  strategies?: string;
  delivery?: string;
  rtt?: string;
  broker?: string;
  sizes?: string;
  complexity?: string;
  docs?: string;
  source?: string;
  documents?: string;
  workers?: string;
  perWorker?: string;
  stages?: string;
  rounds?: string;
  budget?: string;
  waitQuiet?: string;
  seed: string;
  out?: string;
  resume?: string;
  llmUrl?: string;
  llmModel: string;
  llmParallel: string;
  llmLimit?: string;
  maxCalls?: string;
  faults?: true;
  force?: true;
  png?: true;
  interactive?: boolean;
  dryRun?: true;
  json?: true;
  /** The task gets these; only a job file has them. */
  options?: Readonly<Record<string, unknown>>;
}

/**
 * Describes what to measure. It is checked as far as possible without reading a document or loading a task.
 */
export interface BenchRequest {
  readonly profile: Profile;
  /** The user's own task, once it is compiled. Then it is the only workload. */
  readonly own?: TaskFile;
  readonly workloads: readonly WorkloadEntry[];
  readonly strategies: readonly StrategyEntry[];
  /**
   * Each strategy is measured with the deliveries of this list that it has, or with its default if it has
   * none of them.
   */
  readonly deliveries: readonly Delivery[];
  /** Strategies between machines are measured at each of these round-trip times, ms. Empty: no proxy. */
  readonly rttsMs: readonly number[];
  /** They use this broker and the agents that are there; null: each trial starts its own. */
  readonly broker: string | null;
  /** These documents are measured. */
  readonly input: Input;
  /** Number of documents per pass; null: the profile chooses it. */
  readonly documents: number | null;
  readonly workers: readonly number[];
  /** Workers run these numbers of documents at the same time, where a strategy has the option. */
  readonly perWorker: readonly number[];
  /** The user's own split of workers over stages; null: by what the stages cost. */
  readonly stages: Configuration | null;
  readonly rounds: { readonly min: number; readonly max: number };
  /** A round starts only if it would end by then, milliseconds after the run's start; null: no limit. */
  readonly budgetMs: number | null;
  /** Wait this long at most for a quiet machine, milliseconds; null: begin at once. */
  readonly waitQuietMs: number | null;
  /** Tasks are called no more often than this; null: as often as the plan says. */
  readonly maxCalls: number | null;
  readonly seed: number;
  /** Open loops that follow the closed ones; null: none. */
  readonly arrivals: ArrivalRequest | null;
  /** Passed to every task as `context.options`. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly llm: {
    readonly url: string | null;
    readonly model: string;
    readonly parallel: number;
    readonly limits: readonly ServiceLimit[];
  };
}

export type Input =
  | { readonly kind: 'files'; readonly pattern: string; readonly source: CorpusSource }
  | { readonly kind: 'synthetic'; readonly sizes: readonly SizeChoice[]; readonly complexity: Complexity };

/** Says where the documents of a request are when the clock starts. */
export function inputSource({ input }: Pick<BenchRequest, 'input'>): CorpusSource {
  return input.kind === 'files' ? input.source : 'memory';
}

export interface SizeChoice {
  readonly name: string;
  readonly size: number | 'mixed';
}

export interface Lists {
  readonly workloads: readonly WorkloadEntry[];
  readonly strategies: readonly StrategyEntry[];
  /** Rivals from other libraries, which are measured only if the user asks for them. */
  readonly peers: readonly StrategyEntry[];
}

/**
 * Turns the options of the command line into a request.
 * @throws UsageError that says what was expected, what came and what to do.
 */
export function benchRequest(flags: BenchFlags, lists: Lists): BenchRequest {
  const profile = byName('profile', flags.profile, profiles);
  if (flags.task !== undefined && flags.workloads !== undefined) {
    throw new UsageError('--task and --workloads cannot be combined: choose your own task or ours');
  }
  if (flags.docs !== undefined && flags.sizes !== undefined) {
    throw new UsageError('--docs and --sizes cannot be combined: real documents already have their sizes');
  }
  if (flags.docs !== undefined && flags.complexity !== undefined) {
    throw new UsageError(
      '--docs and --complexity cannot be combined: complexity applies only to generated documents',
    );
  }
  const source = sourceOf(flags);
  const asked = flags.delivery === undefined ? [] : parseList(flags.delivery, '--delivery', delivery);
  if (source === 'files' && (flags.arrivals !== undefined || flags.slo !== undefined)) {
    throw new UsageError(
      `${flags.arrivals === undefined ? '--slo' : '--arrivals'} and --source files cannot be combined: ` +
        'documents arrive with their bytes; leave --source out',
    );
  }
  if (source === 'memory' && asked.includes('reference')) {
    throw new UsageError(
      '--delivery reference: a worker reads only documents that are files; give --docs with --source files',
    );
  }
  if (flags.rtt !== undefined && flags.broker !== undefined) {
    throw new UsageError(
      '--rtt and --broker cannot be combined: the proxy goes before a broker that the run starts; ' +
        'leave one of them out',
    );
  }
  if (flags.rtt !== undefined && (flags.arrivals !== undefined || flags.slo !== undefined)) {
    throw new UsageError(
      `${flags.arrivals === undefined ? '--slo' : '--arrivals'} and --rtt cannot be combined: ` +
        'only closed loops are measured through the proxy; leave one of them out',
    );
  }
  if (flags.maxCalls !== undefined && (flags.arrivals !== undefined || flags.slo !== undefined)) {
    throw notCounted(flags.arrivals === undefined ? '--slo' : '--arrivals');
  }
  return {
    profile,
    workloads:
      flags.task !== undefined
        ? [ownTask(flags.task)]
        : namedWorkloads(flags.workloads ?? profile.workloads.join(), lists.workloads),
    strategies: flags.strategies === undefined ? lists.strategies : namedStrategies(flags.strategies, lists),
    deliveries: asked,
    rttsMs: flags.rtt === undefined ? [] : parseList(flags.rtt, '--rtt', roundTrip),
    broker: flags.broker ?? null,
    input:
      flags.docs !== undefined
        ? { kind: 'files', pattern: flags.docs, source }
        : {
            kind: 'synthetic',
            sizes: parseList(flags.sizes ?? profile.sizes.join(), '--sizes', (size) => size).map(sizeChoice),
            complexity: complexity(flags.complexity ?? 'medium'),
          },
    documents: flags.documents === undefined ? null : parseCount(flags.documents, '--documents'),
    workers:
      flags.workers === undefined
        ? profile.workers
        : parseList(flags.workers, '--workers', workerCount).sort((a, b) => a - b),
    perWorker: perWorkerList(flags.perWorker),
    stages: flags.stages === undefined ? null : parseStages(flags.stages),
    rounds: flags.rounds === undefined ? profile.rounds : fixed(parseCount(flags.rounds, '--rounds')),
    budgetMs: flags.budget === undefined ? null : parseDuration(flags.budget, '--budget'),
    waitQuietMs: flags.waitQuiet === undefined ? null : parseDuration(flags.waitQuiet, '--wait-quiet'),
    maxCalls: flags.maxCalls === undefined ? null : parseCount(flags.maxCalls, '--max-calls'),
    seed: parseCount(flags.seed, '--seed'),
    arrivals: arrivalRequest(flags),
    options: flags.options ?? {},
    llm: {
      url: flags.llmUrl === undefined ? null : url(flags.llmUrl),
      model: flags.llmModel,
      parallel: parseCount(flags.llmParallel, '--llm-parallel'),
      limits: flags.llmLimit === undefined ? [] : parseList(flags.llmLimit, '--llm-limit', parseLimitFlag),
    },
  };
}

/** Reads `--per-worker`: whole numbers, the smallest first. */
function perWorkerList(text: string | undefined): number[] {
  if (text === undefined) return [1];
  const numbers = parseList(text, '--per-worker', (number) => parseCount(number, '--per-worker'));
  return [...new Set(numbers)].sort((a, b) => a - b);
}

const fixed = (rounds: number) => ({ min: rounds, max: rounds });

function byName<Entry extends { readonly name: string }>(
  what: string,
  name: string,
  entries: readonly Entry[],
): Entry {
  const entry = entries.find((entry) => entry.name === name);
  if (entry === undefined)
    throw unknownName(
      what,
      name,
      entries.map(({ name }) => name),
    );
  return entry;
}

/** Keeps the order of the list, regardless of the order on the command line. */
function namedWorkloads(text: string, workloads: readonly WorkloadEntry[]): WorkloadEntry[] {
  const chosen = parseList(text, '--workloads', (name) => byName('workload', name, workloads));
  return workloads.filter((entry) => chosen.includes(entry));
}

/**
 * This name selects all peers that need no broker. Used alone, it selects the strategies that need none as
 * well.
 */
const everyPeer = { name: 'peers' };

/**
 * Keeps the order of the lists, strategies first, regardless of the order on the command line.
 * @throws UsageError if a name is in neither list.
 */
export function namedStrategies(
  text: string,
  { strategies, peers }: Pick<Lists, 'strategies' | 'peers'>,
): StrategyEntry[] {
  const all = [...strategies, ...peers];
  const chosen: readonly { readonly name: string }[] = parseList(text, '--strategies', (name) =>
    byName<{ readonly name: string }>('strategy', name, [...all, everyPeer]),
  );
  const group = chosen.every((entry) => entry === everyPeer) ? all : peers;
  const meant = (entry: StrategyEntry) =>
    chosen.includes(everyPeer) && group.includes(entry) && entry.needsBroker !== true;
  return all.filter((entry) => chosen.includes(entry) || meant(entry));
}

/** @throws UsageError where documents are to come from files, and there are none */
function sourceOf({ source = corpusSources[0], docs }: BenchFlags): CorpusSource {
  const found = corpusSources.find((name) => name === source);
  if (found === undefined) throw unknownName('source', source, corpusSources);
  if (found === 'files' && docs === undefined) {
    throw new UsageError(
      '--source files: expected --docs as well, because generated documents are in memory; ' +
        'give --docs <folder or glob>, or leave --source out',
    );
  }
  return found;
}

/** @throws UsageError where it is no time, or longer than a second */
function roundTrip(text: string): number {
  const ms = /^0 *ms$/.test(text) ? 0 : parseDuration(text, 'each of --rtt');
  if (ms <= 1000) return ms;
  throw new UsageError(`expected each of --rtt to be at most 1s, got "${text}"`);
}

function delivery(text: string): Delivery {
  const found = deliveries.find((name) => name === text);
  if (found === undefined) throw unknownName('delivery', text, deliveries);
  return found;
}

/** The task is not compiled yet: `compileOwn` does that. */
function ownTask(task: string): WorkloadEntry {
  try {
    const source = locateTask(task);
    return {
      name: taskName(source),
      about: 'your own task',
      url: pathToFileURL(source.file).href,
      source: task,
    };
  } catch (cause) {
    throw new UsageError(`--${(cause as Error).message}`, { cause });
  }
}

function sizeChoice(text: string): SizeChoice {
  return { name: text, size: text === 'mixed' ? 'mixed' : parseSize(text, 'each of --sizes') };
}

function complexity(text: string): Complexity {
  const found = complexities.find((name) => name === text);
  if (found === undefined) throw unknownName('complexity', text, complexities);
  return found;
}

/** This is more than any machine has cores, and far below what would exhaust a machine. */
const maxWorkers = 256;

function workerCount(text: string): number {
  const count = parseCount(text, 'each of --workers');
  if (count > maxWorkers) throw new UsageError(`expected at most ${maxWorkers} workers, got ${count}`);
  return count;
}

function url(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new UsageError(`--llm-url: expected a URL like http://localhost:11434, got "${text}"`);
}

/** The refusal of an option that measures open loops, beside `--max-calls`. */
export function notCounted(flag: string): UsageError {
  return new UsageError(
    `${flag} and --max-calls cannot be combined: calls are counted in closed loops only; ` +
      'leave one of them out',
  );
}
