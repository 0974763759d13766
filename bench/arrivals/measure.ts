import { mean } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import type { ArrivalRow } from '../tables/arrival-columns.js';
import { isOk, type TrialRow } from '../tables/columns.js';
import type { SloRow } from '../tables/slo-columns.js';
import { comparableRate } from '../tables/summarise.js';
import type { Cell } from '../trials/plan.js';
import type { ArrivalTrialOptions, Offered } from './arrival-trial.js';
import type { ArrivalRequest, LatencyLimit } from './request.js';
import { searchRate } from './search.js';

/** The open loops of a run: every strategy at every rate, and the search for the highest rate. */
export interface ArrivalOptions {
  readonly runId: string;
  readonly request: ArrivalRequest;
  readonly cells: readonly Cell[];
  /** Closed-loop trials of the same run, which say what rates are shares of. */
  readonly trials: readonly TrialRow[];
  readonly seed: number;
  /** Open-loop trials of an earlier invocation, which are not measured again. */
  readonly finished: readonly ArrivalRow[];
  readonly finishedSearches: readonly SloRow[];
  readonly measure: (
    cell: Cell,
    options: Omit<ArrivalTrialOptions, 'suite' | 'runId'>,
  ) => Promise<ArrivalRow>;
  readonly keep: (row: ArrivalRow) => void;
  readonly keepSearch: (row: SloRow) => void;
  readonly say: (text: string) => void;
  /** Ends the run after the trial that is in progress. */
  readonly signal: AbortSignal;
}

/** Each rate is measured with this many schedules; every strategy meets the same ones. */
export const arrivalRounds = 3;
/** Length of one probe of a search, ms. */
export const probeMs = 15_000;
/** A void trial is repeated this often. */
const maxAttempts = 2;
/** The 95 % interval of a p99 needs 368 documents; a probe of a search has at least this many. */
const minDocuments = 400;

/** The closed-loop rates of a family: one workload and corpus. */
interface Family {
  readonly cells: readonly Cell[];
  /** Highest mean rate, documents per second. */
  readonly capacity: number;
  readonly rateOf: (cell: Cell) => number;
}

/** @returns false if the signal ended it */
export async function measureArrivals(options: ArrivalOptions): Promise<boolean> {
  const { request, cells, trials } = options;
  for (const family of familiesOf(cells, trials)) {
    if (request.rates.length > 0 && !(await atRates(family, options))) return false;
    if (request.slo !== null && !(await searches(family, { ...options, slo: request.slo }))) return false;
  }
  return true;
}

/** How many open-loop trials and searches a run has, and about how long they take, ms. */
export function estimateArrivals(
  request: ArrivalRequest,
  { families, strategies }: { readonly families: number; readonly strategies: number },
): { readonly trials: number; readonly searches: number; readonly ms: number } {
  const perTrialMs = 1_500;
  const trials = families * strategies * request.rates.length * arrivalRounds;
  const searches = request.slo === null ? 0 : families * strategies;
  return {
    trials,
    searches,
    ms: trials * (request.timeMs + perTrialMs) + searches * 11 * (probeMs + perTrialMs),
  };
}

async function atRates(family: Family, options: ArrivalOptions): Promise<boolean> {
  const { request, seed, finished, signal } = options;
  for (let round = 1; round <= arrivalRounds; round++) {
    let order = 0;
    for (const rate of request.rates) {
      const perSecond = 'share' in rate ? rate.share * family.capacity : rate.perSecond;
      const offered: Offered = {
        pattern: request.pattern,
        rate: perSecond,
        documents: Math.max(1, Math.round((perSecond * request.timeMs) / 1000)),
        seed: seed * 1000 + round,
        asked: rate.asked,
        capacity: 'share' in rate ? family.capacity : null,
      };
      for (const cell of family.cells) {
        order++;
        if (signal.aborted) return false;
        if (finished.some((row) => row.round === round && row.asked === rate.asked && isOf(row, cell)))
          continue;
        const row = await undisturbed(
          cell,
          { round, order, offered, limitMs: request.slo?.ms ?? null },
          options,
        );
        options.keep(row);
      }
    }
  }
  return true;
}

/** Measures a trial, again when it was void. Every measurement is kept; the last one is returned. */
async function undisturbed(
  cell: Cell,
  place: Pick<ArrivalTrialOptions, 'round' | 'order' | 'offered' | 'limitMs'>,
  { request, measure, keep, signal }: ArrivalOptions,
): Promise<ArrivalRow> {
  for (let attempt = 1; ; attempt++) {
    const row = await measure(cell, { ...place, accept: request.accept });
    if (row.status !== 'void' || attempt === maxAttempts || signal.aborted) return row;
    keep(row);
  }
}

async function searches(
  family: Family,
  options: ArrivalOptions & { readonly slo: LatencyLimit },
): Promise<boolean> {
  const { slo, request, signal, finishedSearches, seed, runId } = options;
  for (const cell of family.cells) {
    if (signal.aborted) return false;
    if (finishedSearches.some((row) => row.limit === slo.text && isOf(row, cell))) continue;
    const capacity = family.rateOf(cell);
    const startedMs = performance.now();
    let voids = 0;
    let order = 0;
    const probe = async (rate: number, schedule: number) => {
      signal.throwIfAborted();
      const documents = Math.max(minDocuments, Math.round((rate * probeMs) / 1000));
      const offered: Offered = {
        pattern: request.pattern,
        rate,
        documents,
        seed: seed * 1000 + 500 + schedule,
        asked: slo.text,
        capacity: null,
      };
      const row = await undisturbed(cell, { round: 0, order: ++order, offered, limitMs: slo.ms }, options);
      options.keep(row);
      if (row.status === 'failed') throw new Error(row.reason);
      if (row.status === 'void') voids++;
      return { rate, documents, misses: documents - withinLimit(row) };
    };
    try {
      const found = await searchRate({ quantile: slo.quantile, capacity, probe });
      const hasKnee =
        found.broken !== null &&
        found.probes.some(({ misses, documents }) => misses <= documents * (1 - slo.quantile));
      options.keepSearch({
        run_id: runId,
        ...named(cell),
        pattern: request.pattern,
        limit: slo.text,
        closed_loop_per_second: capacity,
        knee_per_second: hasKnee ? found.knee : null,
        knee_low: hasKnee ? found.low : null,
        knee_high: hasKnee ? found.high : null,
        confirmed_per_second: found.confirmed,
        broken_per_second: found.broken,
        probes: found.probes.length,
        void_probes: voids,
        seconds: (performance.now() - startedMs) / 1000,
      });
    } catch (cause) {
      if (signal.aborted) return false;
      options.say(
        `${cell.strategy.strategy.name} × ${cell.workers}: the search failed: ${(cause as Error).message}`,
      );
    }
  }
  return true;
}

/** Documents of a trial that were ok within its limit. */
function withinLimit({
  goodput_per_second,
  done_per_second,
  outcomes_ok,
  outcomes_failed,
}: ArrivalRow): number {
  const seconds = ((outcomes_ok ?? 0) + (outcomes_failed ?? 0)) / (done_per_second ?? 1);
  return Math.round((goodput_per_second ?? 0) * seconds);
}

/**
 * The families of a run. Of each strategy and delivery only the number of workers with the highest
 * closed-loop rate is measured in open loops.
 */
function familiesOf(cells: readonly Cell[], trials: readonly TrialRow[]): Family[] {
  const rates = new Map(
    [...groupBy(trials.filter(isOk), keyOf)].map(([key, rows]) => [key, mean(rows.map(comparableRate))]),
  );
  const rateOf = (cell: Cell) => rates.get(keyOf(named(cell))) ?? 0;
  return [
    ...groupBy(cells, ({ workload, corpus }) => `${workload.ref.name} ${corpus.name}`).values(),
  ].flatMap((family): Family[] => {
    const measured = family.filter((cell) => rateOf(cell) > 0);
    if (measured.length === 0) return [];
    const kinds = groupBy(measured, ({ strategy, delivery }) => `${strategy.strategy.name} ${delivery}`);
    const best = [...kinds.values()].map((same) => same.reduce((a, b) => (rateOf(b) > rateOf(a) ? b : a)));
    return [{ cells: best, capacity: Math.max(...measured.map(rateOf)), rateOf }];
  });
}

type Named = Pick<TrialRow, 'workload' | 'corpus' | 'strategy' | 'workers' | 'delivery'>;

function named({ workload, corpus, strategy, workers, delivery }: Cell): Named {
  return {
    workload: workload.ref.name,
    corpus: corpus.name,
    strategy: strategy.strategy.name,
    workers,
    delivery,
  };
}

function keyOf({ workload, corpus, strategy, workers, delivery }: Named): string {
  return [workload, corpus, strategy, workers, delivery].join(' ');
}

function isOf(row: Named, cell: Cell): boolean {
  return keyOf(row) === keyOf(named(cell));
}
