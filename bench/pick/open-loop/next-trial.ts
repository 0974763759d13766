import type { ArrivalRow } from '../../tables/arrival-columns.js';
import { sameCell } from '../../tables/cell.js';
import { memoryOf } from '../../tables/memory.js';
import type { RatedSummary } from '../../tables/summary-columns.js';
import type { Demand } from './demand.js';
import { estimatedCores, isFastEnough, judge, type OpenLoop, wantedSchedules } from './judge.js';

/** The next open loop to measure. */
export interface NextTrial {
  readonly cell: RatedSummary;
  readonly perSecond: number;
  /** The rate as the table names it. */
  readonly asked: string;
  /** Each round has a schedule of its own, which all configurations meet. */
  readonly round: number;
}

export interface NextOptions {
  /** Configurations that keep all other constraints. */
  readonly cells: readonly RatedSummary[];
  /** These open loops have been measured. */
  readonly rows: readonly ArrivalRow[];
  readonly demand: Demand;
  /** This many configurations are tried before any of them is measured again. */
  readonly tried: number;
}

/** The choice so far and the next after it are the finalists. */
const finalists = 2;
const maxSchedules = 3;
/** Nearer to full load than this a queue is long, so these configurations come last. */
const nearFullLoad = 1.1;
/** A probe between two rates that are nearer than this says nothing new about the knee. */
const minStep = 1.1;

/**
 * Says what to measure next; null if nothing more is worth its time.
 *
 * 1. `tried` configurations get one schedule each.
 * 2. The finalists get a second schedule. If one of them breaks the limit, another takes its place. If none
 *    is feasible, the next configuration is tried.
 * 3. The choice is measured once between the demanded rate and its full load, for the headroom.
 * 4. The finalists get a third schedule.
 */
export function nextTrial({ cells, rows, demand, tried }: NextOptions): NextTrial | null {
  const candidates = inOrder(
    cells.filter((cell) => isFastEnough(cell, demand)),
    demand,
  );
  const roundsOf = (cell: RatedSummary) =>
    rows.filter((row) => row.asked === demand.asked && sameCell(row, cell)).length;
  const atRate = (cell: RatedSummary): NextTrial => ({
    cell,
    perSecond: demand.perSecond,
    asked: demand.asked,
    round: roundsOf(cell) + 1,
  });
  const untried = candidates.find((cell) => roundsOf(cell) === 0);
  const measured = candidates.filter((cell) => roundsOf(cell) > 0);
  if (untried !== undefined && measured.length < tried) return atRate(untried);
  const { feasible } = judge(measured, { rows, demand });
  if (feasible.length === 0) return untried === undefined ? null : atRate(untried);
  const final = [...feasible].sort((a, b) => costOf(a) - costOf(b)).slice(0, finalists);
  const again = (schedules: number) => final.find(({ cell }) => roundsOf(cell) < schedules);
  const second = again(wantedSchedules);
  if (second !== undefined) return atRate(second.cell);
  const probe = probeOf(feasible[0] as OpenLoop, demand);
  if (probe !== null && !rows.some((row) => row.asked !== demand.asked)) return probe;
  const third = again(maxSchedules);
  return third === undefined ? null : atRate(third.cell);
}

/**
 * The fastest comes first, so that a demand which can be served is served. The others follow by the cores
 * that they are expected to need, and by memory.
 */
function inOrder(cells: readonly RatedSummary[], demand: Demand): RatedSummary[] {
  const key = (cell: RatedSummary) => ({
    late: cell.documents_per_second < nearFullLoad * demand.perSecond ? 1 : 0,
    cores: estimatedCores(cell, demand) ?? Number.MAX_VALUE,
    memory: memoryOf(cell) ?? Number.MAX_VALUE,
  });
  const sorted = [...cells].sort((a, b) => {
    const [left, right] = [key(a), key(b)];
    return left.late - right.late || left.cores - right.cores || left.memory - right.memory;
  });
  const fastest = sorted.reduce<RatedSummary | null>(
    (best, cell) => (best !== null && best.documents_per_second >= cell.documents_per_second ? best : cell),
    null,
  );
  return fastest === null ? [] : [fastest, ...sorted.filter((cell) => cell !== fastest)];
}

/** A rate between the highest that was kept and the lowest that was not, or full load. */
function probeOf({ cell, headroom }: OpenLoop, { perSecond }: Demand): NextTrial | null {
  const { keptPerSecond, brokenPerSecond, fullLoadPerSecond } = headroom;
  const step = Math.sqrt((brokenPerSecond ?? fullLoadPerSecond) / keptPerSecond);
  if (step < minStep) return null;
  const rate = keptPerSecond * step;
  const rounded = Number(Math.max(rate, perSecond).toPrecision(3));
  return { cell, perSecond: rounded, asked: `${rounded}/s`, round: 1 };
}

function costOf({ cores }: OpenLoop): number {
  return cores ?? Number.MAX_VALUE;
}
