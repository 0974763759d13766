import type { ArrivalRow } from '../../tables/arrival-columns.js';
import { type ArrivalSummaryRow, summariseArrivals } from '../../tables/arrival-summary.js';
import { sameCell } from '../../tables/cell.js';
import { memoryOf } from '../../tables/memory.js';
import type { RatedSummary } from '../../tables/summary-columns.js';
import { configurationName } from '../../verdict/configurations.js';
import { megabytes, number } from '../../words/units.js';
import type { Demand } from './demand.js';

/** The result of one configuration at the demanded rate, over all its schedules. */
export interface OpenLoop {
  readonly cell: RatedSummary;
  /** This p99 is the geometric mean over schedules, ms. */
  readonly p99Ms: number | null;
  /**
   * The lowest and the highest end of the schedules' 95 % intervals, which come from batch means; null if a
   * schedule has too few documents to know it.
   */
  readonly p99LowMs: number | null;
  readonly p99HighMs: number | null;
  /** CPU time of a document × rate: this many cores were busy; null if unknown. */
  readonly cores: number | null;
  readonly memoryBytes: number | null;
  readonly schedules: number;
  readonly documents: number;
  /** Every schedule was disturbed, and the disturbed ones count. */
  readonly busy: boolean;
  readonly headroom: Headroom;
}

/** How far the rate is below the knee, where latency explodes. */
export interface Headroom {
  /** The rate of a closed loop at full load, which no knee exceeds. */
  readonly fullLoadPerSecond: number;
  /** Full load ÷ the demanded rate. */
  readonly ofFullLoad: number;
  /** The highest rate that was measured in an open loop and kept. */
  readonly keptPerSecond: number;
  /** The lowest rate that was measured in an open loop and not kept; null if all were. */
  readonly brokenPerSecond: number | null;
}

/** The configurations that can serve a demand, and why each of the others cannot or is not chosen. */
export interface Judged {
  readonly demand: Demand;
  /** Feasible configurations; the first is the choice. */
  readonly feasible: readonly OpenLoop[];
  /** The keys are names of configurations; the choice is not among them. */
  readonly reasons: ReadonlyMap<string, string>;
}

const unmeasured = 'not measured in an open loop: there was no time for it';
/** A p99 of one schedule may be luck, so a configuration with this many is preferred. */
export const wantedSchedules = 2;
/** Differences of cores within this share, and this many cores, are scatter; there memory decides. */
const sameCores = { share: 1.05, cores: 0.01 };

/** @param cells keep all other constraints @param rows open loops of any of them, at any rate */
export function judge(
  cells: readonly RatedSummary[],
  { rows, demand }: { readonly rows: readonly ArrivalRow[]; readonly demand: Demand },
): Judged {
  const feasible: OpenLoop[] = [];
  const reasons = new Map<string, string>();
  for (const cell of cells) {
    const own = rows.filter((row) => sameCell(row, cell));
    const reason = isFastEnough(cell, demand)
      ? obstacle(
          own.filter(({ asked }) => asked === demand.asked),
          demand,
        )
      : `rate: ${number(cell.documents_per_second)}/s at full load is less than ${demand.asked}`;
    const found = reason === null ? openLoopOf(cell, own, demand) : null;
    if (found !== null) feasible.push(found);
    else reasons.set(configurationName(cell), reason ?? unmeasured);
  }
  const ranked = inOrder(feasible, demand);
  const [choice] = ranked;
  for (const other of ranked.slice(1))
    reasons.set(
      configurationName(other.cell),
      `keeps up with ${demand.asked}: ${costText(other)}; the choice needs ${costText(choice as OpenLoop)}`,
    );
  return { demand, feasible: ranked, reasons };
}

/** No open loop can be faster than a closed one at full load. */
export function isFastEnough({ documents_per_second }: RatedSummary, { perSecond }: Demand): boolean {
  return documents_per_second >= perSecond;
}

/**
 * Why open loops at one rate show that a configuration cannot serve it; null if they show that it can. Every
 * schedule must keep the limit, because one in two would not be enough for a server.
 */
function obstacle(rows: readonly ArrivalRow[], { limitMs }: Pick<Demand, 'limitMs'>): string | null {
  const failed = rows.find(({ status }) => status === 'failed');
  if (failed !== undefined) return `failed in an open loop: ${failed.reason}`;
  const summary = summaryOf(rows);
  if (summary === undefined) return unmeasured;
  const at = `in an open loop at ${summary.asked}`;
  const counted = countedOf(rows);
  const worstMs = Math.max(
    ...counted.map(({ latency_p99_ms }) => latency_p99_ms ?? Number.POSITIVE_INFINITY),
  );
  const p99 = Number.isFinite(worstMs) ? `p99 ${number(worstMs)} ms` : 'p99 unknown';
  if (summary.refused_share > 0) return `refused ${number(100 * summary.refused_share)} % ${at}`;
  if (summary.falls_behind) return `falls behind ${at} (${p99})`;
  if (limitMs === null || worstMs <= limitMs) return null;
  return `latency: ${p99} ${at}, the limit is ${number(limitMs)} ms`;
}

/** @returns null if it was not measured at the demanded rate */
function openLoopOf(cell: RatedSummary, own: readonly ArrivalRow[], demand: Demand): OpenLoop | null {
  const atRate = own.filter(({ asked }) => asked === demand.asked);
  const counted = countedOf(atRate);
  const summary = summaryOf(atRate);
  if (summary === undefined) return null;
  const lows = counted.map((row) => row.latency_p99_low_ms);
  const highs = counted.map((row) => row.latency_p99_high_ms);
  const memory = counted.map((row) => row.memory_peak_bytes).filter((bytes) => bytes !== null);
  return {
    cell,
    p99Ms: summary.latency_p99_ms,
    p99LowMs: allKnown(lows) ? Math.min(...lows) : null,
    p99HighMs: allKnown(highs) ? Math.max(...highs) : null,
    cores: coresOf(counted, demand) ?? estimatedCores(cell, demand),
    memoryBytes: memory.length > 0 ? Math.max(...memory) : memoryOf(cell),
    schedules: summary.schedules,
    documents: counted.reduce((sum, row) => sum + row.documents, 0),
    busy: summary.busy,
    headroom: headroomOf(cell, own, demand),
  };
}

function headroomOf(cell: RatedSummary, own: readonly ArrivalRow[], demand: Demand): Headroom {
  const { documents_per_second: fullLoad } = cell;
  const probed = [...new Set(own.map(({ offered_per_second }) => offered_per_second))].map((perSecond) => ({
    perSecond,
    keeps: obstacle(
      own.filter(({ offered_per_second }) => offered_per_second === perSecond),
      demand,
    ),
  }));
  const broken = probed.filter(({ keeps }) => keeps !== null).map(({ perSecond }) => perSecond);
  const lowestBroken = Math.min(...broken);
  const kept = probed
    .filter(({ keeps, perSecond }) => keeps === null && perSecond < lowestBroken)
    .map(({ perSecond }) => perSecond);
  return {
    fullLoadPerSecond: fullLoad,
    ofFullLoad: fullLoad / demand.perSecond,
    keptPerSecond: Math.max(demand.perSecond, ...kept),
    brokenPerSecond: broken.length > 0 ? lowestBroken : null,
  };
}

/** Estimates the cores that a rate keeps busy from the closed loop; null if its CPU time is unknown. */
export function estimatedCores({ cpu_ms_per_document }: RatedSummary, { perSecond }: Demand): number | null {
  return cpu_ms_per_document === null ? null : (cpu_ms_per_document * perSecond) / 1000;
}

function coresOf(rows: readonly ArrivalRow[], { perSecond }: Demand): number | null {
  let [cpuMs, documents] = [0, 0];
  for (const { cpu_user_ms, cpu_system_ms, outcomes_ok, outcomes_failed } of rows) {
    if (cpu_user_ms === null || cpu_system_ms === null) return null;
    cpuMs += cpu_user_ms + cpu_system_ms;
    documents += (outcomes_ok ?? 0) + (outcomes_failed ?? 0);
  }
  return documents === 0 ? null : (cpuMs / documents / 1000) * perSecond;
}

/**
 * The order in which feasible configurations are preferred: configurations that were measured often enough
 * and whose interval is within the limit come first; then cores decide, then memory.
 */
function inOrder(feasible: readonly OpenLoop[], demand: Demand): OpenLoop[] {
  const left = [...feasible];
  const ordered: OpenLoop[] = [];
  while (left.length > 0) {
    const doubts = Math.min(...left.map((one) => doubtsOf(one, demand)));
    const surest = left.filter((one) => doubtsOf(one, demand) === doubts);
    const fewest = Math.min(...surest.map(coresOrMany));
    const cheap = surest.filter((one) => coresOrMany(one) <= fewest * sameCores.share + sameCores.cores);
    const next = cheap.reduce((a, b) => (memoryOrMuch(b) < memoryOrMuch(a) ? b : a));
    ordered.push(next);
    left.splice(left.indexOf(next), 1);
  }
  return ordered;
}

/** 0 is the surest; one schedule alone is a greater doubt than an interval that reaches beyond the limit. */
function doubtsOf(one: OpenLoop, demand: Demand): number {
  return (one.schedules < wantedSchedules ? 2 : 0) + (isSure(one, demand) ? 0 : 1);
}

/** True if the whole interval of p99 is within the limit. */
export function isSure(
  { p99HighMs }: Pick<OpenLoop, 'p99HighMs'>,
  { limitMs }: Pick<Demand, 'limitMs'>,
): boolean {
  return limitMs === null || (p99HighMs !== null && p99HighMs <= limitMs);
}

/** Disturbed trials count only where there are no others, as in `arrival-summary.csv`. */
function countedOf(rows: readonly ArrivalRow[]): readonly ArrivalRow[] {
  const measured = rows.filter(({ status }) => status !== 'failed');
  const ok = measured.filter(({ status }) => status === 'ok');
  return ok.length > 0 ? ok : measured;
}

function summaryOf(rows: readonly ArrivalRow[]): ArrivalSummaryRow | undefined {
  return summariseArrivals(rows)[0];
}

/** "0.82 cores, 120 MB"; what is unknown is left out. */
export function costText({ cores, memoryBytes }: Pick<OpenLoop, 'cores' | 'memoryBytes'>): string {
  return [
    cores === null ? 'unknown cores' : `${number(cores)} cores`,
    ...(memoryBytes === null ? [] : [megabytes(memoryBytes)]),
  ].join(', ');
}

function allKnown(values: readonly (number | null)[]): values is readonly number[] {
  return values.length > 0 && !values.includes(null);
}

function coresOrMany({ cores }: OpenLoop): number {
  return cores ?? Number.POSITIVE_INFINITY;
}

function memoryOrMuch({ memoryBytes }: OpenLoop): number {
  return memoryBytes ?? Number.POSITIVE_INFINITY;
}
