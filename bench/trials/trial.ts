import { maxPasses } from '../measure/calls.js';
import { type Noise, voidReason } from '../measure/noise.js';
import { configurationText } from '../tables/configuration-text.js';
import { type StageRow, stageSchema } from '../tables/stage-columns.js';
import { unknown } from '../tables/table.js';
import { schema, type TrialRow, trialTable } from '../tables/trial-columns.js';
import { brokerThere } from './agents-there.js';
import { Helper } from './helper.js';
import type { HelperProcesses } from './helper-processes.js';
import { type Network, startNetwork } from './network.js';
import { type Cell, openingOf, type PreparedCorpus, sourceCell } from './plan.js';
import { costOfFirst, estimateTrialMs, longestWarmupMs, type Timing, warmupDocuments } from './timing.js';
import type { TrialNotice, TrialRecord, TrialRequest } from './trial-host.js';
import { type Seen, Window } from './window.js';

/** Tells which trial of its run this is. */
export interface Place {
  readonly runId: string;
  readonly round: number;
  readonly order: number;
  /** `A/A` if this is the second measurement of a cell in its round. */
  readonly twin: 'A/A' | null;
  /** Starts at 1, and is one higher after each void measurement of the cell in this round. */
  readonly attempt: number;
}

/** A trial is assumed to hang if it takes twenty times the expected time, plus a minute. */
const patience = { factor: 20, ms: 60_000 };

export interface TrialOptions {
  readonly place: Place;
  readonly timing: Timing;
  readonly cores: number;
  /** Ids of the runner and its services. These processes are neither part of the tree nor noise. */
  readonly suite: readonly number[];
  /**
   * The trial is killed and has failed after this long; absent: twenty times the expected time, plus a
   * minute.
   */
  readonly timeoutMs?: number;
  /** Gets what each stage did, before the promise resolves, where stages have workers of their own. */
  readonly keepStage?: (row: StageRow) => void;
}

/**
 * The runner's side of a trial: it measures one cell once in a fresh process. The promise never rejects,
 * because a failure is also a row.
 */
export async function runTrial(
  helpers: HelperProcesses,
  cell: Cell,
  { place, timing, cores, suite, timeoutMs, keepStage }: TrialOptions,
): Promise<TrialRow> {
  const host = new Helper(helpers, new URL('./trial-host.js', import.meta.url));
  let network: Network | null = null;
  const beside = [...suite];
  const window = new Window(beside);
  const maxWarmupMs = longestWarmupMs(cell, timing);
  const request: TrialRequest = {
    strategy: cell.strategy.url,
    workload: cell.workload.ref,
    corpus: cell.corpus.file,
    documents: cell.corpus.documents,
    warmupDocuments: warmupDocuments(cell, timing),
    ...(maxWarmupMs !== undefined && { maxWarmupMs }),
    timeMs: timing.timeMs,
    ...(timing.countsCalls && { maxPasses: maxPasses(cell, timing, cores) }),
    unique: cell.corpus.profile.documents,
    round: place.round,
    ...openingOf(cell),
    ...(cell.workload.limits !== undefined && { limits: cell.workload.limits }),
  };
  try {
    if (cell.rttMs !== undefined) {
      network = await startNetwork(helpers, cell.rttMs);
      beside.push(network.pid);
    }
    const brokerRequest = networkOf(cell, network);
    const record = await host.ask<TrialRecord, TrialNotice>(
      { ...request, ...brokerRequest },
      {
        timeoutMs: timeoutMs ?? patience.ms + patience.factor * estimateTrialMs(cell, timing, cores),
        onNotice: (notice) => window.on(notice),
      },
    );
    if (keepStage !== undefined) for (const row of stageRows(cell, { place, record })) keepStage(row);
    return trialRow(cell, { place, record, timing, cores, ...(await window.close()) });
  } catch (cause) {
    await window.close();
    return failedRow(cell, place, cause as Error);
  } finally {
    host.end();
    network?.end();
  }
}

/** Says how to reach the broker of a strategy between machines. Its own agents share the machine with it. */
function networkOf({ workers, brokerUrl }: Cell, network: Network | null): Partial<TrialRequest> {
  if (network === null) return brokerUrl === undefined ? {} : brokerThere(brokerUrl);
  return {
    broker: { url: network.proxy, agents: Math.min(2, workers) },
    brokerFolder: network.brokerFolder,
  };
}

function cellColumns(cell: Cell, place: Place) {
  return {
    schema,
    run_id: place.runId,
    round: place.round,
    order: place.order,
    ...cellNames(cell),
    twin: place.twin,
    attempt: place.attempt,
    documents: cell.corpus.documents,
  };
}

/** The columns that say which cell a row of any table of trials is of. */
export function cellNames(cell: Cell) {
  const { workload, corpus, strategy, workers, delivery, rttMs, perWorker, configuration } = cell;
  return {
    workload: workload.ref.name,
    kind: workload.kind,
    corpus: corpus.name,
    source: sourceCell(corpus),
    document_bytes: corpus.bytes / corpus.documents,
    strategy: strategy.strategy.name,
    workers,
    delivery,
    rtt_ms: rttMs ?? null,
    per_worker: perWorker ?? null,
    configuration: configuration === undefined ? null : configurationText(configuration),
  };
}

function trialRow(
  cell: Cell,
  measured: Seen & { place: Place; record: TrialRecord; timing: Timing; cores: number },
): TrialRow {
  const { place, record, timing, noise, cores } = measured;
  const { counters, passesMs, difference, busyMs } = record;
  const passes = passesMs.length;
  const wall_ms = passesMs.reduce((sum, ms) => sum + ms, 0);
  const cpuMs = counters.cpuUserMs === null ? null : counters.cpuUserMs + counters.cpuSystemMs;
  // If only a part of the tree was observed, its peaks are not the tree's, so they are left out.
  const peaks = counters.cpuSource === 'partial' ? null : measured.peaks;
  const countsSwitches = process.platform !== 'win32';
  // Workers of `async` are places in flight on one thread, and outcomes do not name them.
  const toldApart = cell.strategy.strategy.isolation !== 'none' || cell.workers === 1;
  // If more workers than cores run a task that computes, the cores are busy until nearly the end. It then
  // makes no difference which worker has run out of documents.
  const shortOfWorkers = cell.workload.kind === 'io' || (toldApart && cell.workers <= cores);
  const showsBusy = toldApart && (cell.workload.kind !== 'cpu' || cell.workers <= cores);
  const end_idle_ms = shortOfWorkers ? lostAtEnd(record.endIdleMs, { wall_ms, cpuMs, cores }) : null;
  return {
    ...cellColumns(cell, place),
    ...verdictOn(difference, noise),
    transport: record.transport,
    passes,
    wall_ms,
    documents_per_second: (1e3 * passes * cell.corpus.documents) / wall_ms,
    megabytes_per_second: (passes * cell.corpus.bytes) / 1e3 / wall_ms,
    startup_ms: record.startupMs,
    cold_code_ms: coldCodeMs(record, { corpus: cell.corpus, endIdleMs: end_idle_ms ?? 0 }),
    service_requests: record.service?.requests ?? null,
    service_refusals: record.service?.refusals ?? record.refused?.requests ?? null,
    service_closed_ms: record.refused?.closedMs ?? null,
    service_limits: record.refused?.limits.join(' and ') || null,
    service_violations: record.service?.violations ?? null,
    cpu_user_ms: counters.cpuUserMs,
    cpu_system_ms: counters.cpuSystemMs,
    cpu_percent: cpuMs === null ? null : (100 * cpuMs) / wall_ms,
    tree_cpu_check_ms: cpuMs === null ? null : (noise?.treeCpuMs ?? null),
    cpu_source: counters.cpuSource,
    rss_peak_bytes: peaks?.rssBytes ?? null,
    memory_peak_bytes: peaks?.memoryBytes ?? null,
    memory_peak_kind: peaks?.kind ?? null,
    memory_interval_ms: peaks?.intervalMs ?? null,
    memory_samples: peaks?.samples ?? null,
    sampler_cpu_percent: peaks?.cpuPercent ?? null,
    threads_peak: peaks?.threads ?? null,
    context_switches_voluntary: countsSwitches ? counters.switchesVoluntary : null,
    context_switches_involuntary: countsSwitches ? counters.switchesInvoluntary : null,
    event_loop_utilization: counters.loopMain,
    event_loop_utilization_workers: counters.loopWorkers,
    gc_ms: counters.gcMs,
    latency_p50_ms: record.latencyP50Ms,
    latency_p95_ms: record.latencyP95Ms,
    latency_p99_ms: record.latencyP99Ms,
    in_flight_mean: record.latencySumMs / wall_ms,
    task_p50_ms: record.taskP50Ms,
    busy_ms: showsBusy ? busyMs.reduce((sum, ms) => sum + ms, 0) : null,
    busy_max_ms: showsBusy ? Math.max(0, ...busyMs) : null,
    busy_workers: busyMs.length,
    rate_rise_percent: risePercent(passesMs),
    documents_cost_ratio: cell.corpus.costRatio ?? null,
    end_idle_ms,
    outcomes_ok: record.outcomesOk,
    outcomes_failed: record.outcomesFailed,
    digest: record.digest,
    digest_matches: difference === null,
    noise_window_ms: noise?.windowMs ?? null,
    noise_steal_percent: noise?.stealPercent ?? null,
    noise_others_percent: noise?.othersPercent ?? null,
    noise_pressure_ms: noise?.pressureMs ?? null,
    noise_run_delay_ms: noise?.runDelayMs ?? null,
    noise_throttled_ms: noise?.throttledMs ?? null,
    noise_swap_pages: noise?.swapPages ?? null,
    quota_limited: noise?.throttledMs == null ? null : noise.throttledMs > 0,
    busy: null,
    screening: timing.screening ?? null,
  };
}

/**
 * Documents in flight on one core end one after the other while the core computes all the time. A long run
 * computes as much, so that it saves no more than the time in which cores were idle.
 */
export function lostAtEnd(
  endIdleMs: number | null,
  {
    wall_ms,
    cpuMs,
    cores,
  }: { readonly wall_ms: number; readonly cpuMs: number | null; readonly cores: number },
): number | null {
  if (endIdleMs === null || cpuMs === null) return endIdleMs;
  return Math.min(endIdleMs, Math.max(0, wall_ms - cpuMs / cores));
}

/**
 * Returns how much longer the documents of the warm-up took than they take in the timed passes. A run of the
 * warm-up ends with idle workers like a pass, and this time does not come from cold code.
 */
export function coldCodeMs(
  { warmedUp, passesMs }: Pick<TrialRecord, 'warmedUp' | 'passesMs'>,
  {
    corpus,
    endIdleMs,
  }: {
    readonly corpus: Pick<PreparedCorpus, 'documents' | 'sequentialMs' | 'costsMs'>;
    readonly endIdleMs: number;
  },
): number | null {
  if (warmedUp.documents === 0) return null;
  const passes = passesMs.length;
  const endMs = endIdleMs / passes;
  const passMs = passesMs.reduce((sum, ms) => sum + ms, 0) / passes - endMs;
  const share = costOfFirst(warmedUp.documents, corpus) / costOfFirst(corpus.documents, corpus);
  return warmedUp.ms - warmedUp.runs * endMs - share * passMs;
}

function stageRows(
  cell: Cell,
  { place, record: { stages, passesMs } }: { readonly place: Place; readonly record: TrialRecord },
): StageRow[] {
  return stages.map((stage, i) => ({
    schema: stageSchema,
    run_id: place.runId,
    round: place.round,
    order: place.order,
    ...cellNames(cell),
    twin: place.twin,
    attempt: place.attempt,
    stage: stage.stage,
    place: i + 1,
    stage_workers: stage.workers,
    wall_ms: passesMs.reduce((sum, ms) => sum + ms, 0),
    stage_documents: stage.documents,
    bytes: stage.bytes,
    busy_ms: stage.busyMs,
    blocked_ms: stage.blockedMs,
    idle_ms: stage.idleMs,
  }));
}

type Verdict =
  | { readonly status: 'ok'; readonly reason: null }
  | { readonly status: 'void' | 'failed'; readonly reason: string };

/** At least this many passes are needed to distinguish a rise from one odd pass. */
const minPasses = 4;

/**
 * Returns how much faster the second half of the passes was than the first, percent. Code that is still being
 * compiled gets faster.
 */
function risePercent(passesMs: readonly number[]): number | null {
  if (passesMs.length < minPasses) return null;
  const half = Math.floor(passesMs.length / 2);
  const sum = (values: readonly number[]) => values.reduce((total, ms) => total + ms, 0);
  return 100 * (sum(passesMs.slice(0, half)) / sum(passesMs.slice(-half)) - 1);
}

/** Wrong results are worse than noise, so they fail the trial regardless of any noise. */
function verdictOn(difference: string | null, noise: Noise | null): Verdict {
  if (difference !== null) return { status: 'failed', reason: oneLine(difference) };
  const reason = noise === null ? null : voidReason(noise);
  return reason === null ? { status: 'ok', reason } : { status: 'void', reason };
}

function failedRow(cell: Cell, place: Place, { name, message }: Error): TrialRow {
  return {
    ...unknown(trialTable),
    ...cellColumns(cell, place),
    status: 'failed',
    reason: oneLine(name === 'HelperDied' || name === 'Error' ? message : `${name}: ${message}`),
  };
}

/** A row of the trials file is one line, so that a line that a kill has cut off can be recognized. */
function oneLine(text: string): string {
  return text.replaceAll(/\s*[\r\n]+\s*/g, ' / ');
}
