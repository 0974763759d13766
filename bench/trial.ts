import { Helper } from './helper.js';
import { type Peaks, Sampler } from './measure/sampler.js';
import { type Cell, estimateTrialMs, type Timing, warmupDocuments } from './plan.js';
import { schema, type TrialRow, trialColumns, unknown } from './results/columns.js';
import type { TrialNotice, TrialRecord, TrialRequest } from './trial-host.js';
import type { Wards } from './wards.js';

/** Where a trial stands in its run. */
export interface Place {
  readonly runId: string;
  readonly round: number;
  readonly order: number;
}

/** A trial that takes twenty times what was expected, and a minute more, hangs. */
const patience = { factor: 20, ms: 60_000 };

/** The runner's side of a trial: measures one cell once in a fresh process. Never rejects: a failure is a row. */
export async function runTrial(wards: Wards, cell: Cell, options: { place: Place; timing: Timing; cores: number }): Promise<TrialRow> {
  const { place, timing, cores } = options;
  const host = new Helper(wards, new URL('./trial-host.js', import.meta.url));
  let sampler: Sampler | null = null;
  let peaks: Peaks | null = null;
  const onNotice = async (notice: TrialNotice) => {
    if (notice.window === 'open') sampler = new Sampler(notice.pids);
    else peaks = (await sampler?.stop()) ?? null;
  };
  const request: TrialRequest = {
    strategy: cell.strategy.url,
    workload: cell.workload.ref,
    corpus: cell.corpus.file,
    workers: cell.workers,
    delivery: cell.delivery,
    warmupDocuments: warmupDocuments(cell, timing),
    timeMs: timing.timeMs,
  };
  const timeoutMs = patience.ms + patience.factor * estimateTrialMs(cell, timing, cores);
  try {
    const record = await host.ask<TrialRecord, TrialNotice>(request, { timeoutMs, onNotice });
    return trialRow(cell, place, record, peaks);
  } catch (cause) {
    await (sampler as Sampler | null)?.stop();
    return failedRow(cell, place, cause as Error);
  } finally {
    host.end();
  }
}

function cellColumns({ workload, corpus, strategy, workers, delivery }: Cell, place: Place) {
  return {
    schema,
    run_id: place.runId,
    round: place.round,
    order: place.order,
    workload: workload.ref.name,
    kind: workload.kind,
    corpus: corpus.name,
    document_bytes: corpus.bytes / corpus.documents,
    strategy: strategy.strategy.name,
    workers,
    delivery,
    documents: corpus.documents,
  };
}

function trialRow(cell: Cell, place: Place, record: TrialRecord, peaks: Peaks | null): TrialRow {
  const { counters, passesMs, difference } = record;
  const passes = passesMs.length;
  const wall_ms = passesMs.reduce((sum, ms) => sum + ms, 0);
  const countsSwitches = process.platform !== 'win32';
  return {
    ...cellColumns(cell, place),
    status: difference === null ? 'ok' : 'failed',
    reason: difference === null ? null : `the result for document "${difference}" is not the one sequential gave`,
    passes,
    wall_ms,
    documents_per_second: (1e3 * passes * cell.corpus.documents) / wall_ms,
    megabytes_per_second: (passes * cell.corpus.bytes) / 1e3 / wall_ms,
    startup_ms: record.startupMs,
    cpu_user_ms: counters.cpuUserMs,
    cpu_system_ms: counters.cpuSystemMs,
    cpu_percent: (100 * (counters.cpuUserMs + counters.cpuSystemMs)) / wall_ms,
    rss_peak_bytes: peaks?.rssBytes ?? null,
    memory_peak_bytes: null,
    memory_samples: peaks?.samples ?? null,
    threads_peak: peaks?.threads ?? null,
    context_switches_voluntary: countsSwitches ? counters.switchesVoluntary : null,
    context_switches_involuntary: countsSwitches ? counters.switchesInvoluntary : null,
    event_loop_utilization: counters.eventLoopUtilization,
    latency_p50_ms: record.latencyP50Ms,
    latency_p95_ms: record.latencyP95Ms,
    latency_p99_ms: record.latencyP99Ms,
    task_p50_ms: record.taskP50Ms,
    outcomes_ok: record.outcomesOk,
    outcomes_failed: record.outcomesFailed,
    digest: record.digest,
    digest_matches: difference === null,
  };
}

function failedRow(cell: Cell, place: Place, { name, message }: Error): TrialRow {
  return { ...unknown(trialColumns), ...cellColumns(cell, place), status: 'failed', reason: `${name}: ${message}` };
}
