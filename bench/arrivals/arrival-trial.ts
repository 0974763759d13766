import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { voidReason } from '../measure/noise.js';
import { quantile } from '../stats/estimate.js';
import { type ArrivalRow, arrivalSchema, arrivalTable } from '../tables/arrival-columns.js';
import { unknown } from '../tables/table.js';
import { brokerThere } from '../trials/agents-there.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { type Cell, openingOf } from '../trials/plan.js';
import { warmupDocuments } from '../trials/timing.js';
import { cellNames } from '../trials/trial.js';
import type { TrialNotice } from '../trials/trial-host.js';
import { type Seen, Window } from '../trials/window.js';
import type { ArrivalRecord, ArrivalRequest } from './arrival-host.js';
import type { GeneratorRecord, GeneratorRequest } from './generator-protocol.js';
import { backlogSlope, countWithin, describeLatencies } from './latency.js';
import type { ScheduleOptions } from './schedule.js';

/** The rate of one trial, and where it comes from. */
export interface Offered extends ScheduleOptions {
  /** The rate as it was asked for: `80%` or `200/s`. */
  readonly asked: string;
  /** The highest closed-loop rate of the family; null where the rate does not follow from it. */
  readonly capacity: number | null;
}

export interface ArrivalTrialOptions {
  readonly runId: string;
  readonly round: number;
  readonly order: number;
  readonly offered: Offered;
  readonly accept: number | null;
  /** The limit that goodput is counted with, ms; null: none. */
  readonly limitMs: number | null;
  /** Ids of the runner and its services, which are neither part of the tree nor noise. */
  readonly suite: readonly number[];
  /** A trial that takes longer is ended and has failed, ms; absent: after many times its schedule. */
  readonly timeoutMs?: number;
}

const warmup = { timeMs: 0, warmupMs: 600, maxWarmupMs: 1400 };
/** A trial is ended when it lasts this much longer than its schedule, ms, and this many times as long. */
const patience = { factor: 20, ms: 60_000 };
/** Beyond both limits of its 99th percentile the generator was too late, and the trial is void. */
const maxLate = { ms: 2, share: 0.05 };

/** Measures one cell under one schedule in a fresh process. The promise never rejects: a failure is a row. */
export async function runArrivalTrial(
  helpers: HelperProcesses,
  cell: Cell,
  options: ArrivalTrialOptions,
): Promise<ArrivalRow> {
  const { offered, accept, suite } = options;
  const host = new Helper(helpers, new URL('./arrival-host.js', import.meta.url));
  const generator = new Helper(helpers, new URL('./generator.js', import.meta.url));
  const window = new Window([...suite, generator.pid]);
  const pipe = join(helpers.folder, `arrivals-${host.pid}`);
  const schedule: ScheduleOptions = {
    pattern: offered.pattern,
    rate: offered.rate,
    documents: offered.documents,
    seed: offered.seed,
  };
  try {
    execFileSync('mkfifo', [pipe]);
    let sending: Promise<GeneratorRecord> | null = null;
    const record = await host.ask<ArrivalRecord, TrialNotice>(
      {
        strategy: cell.strategy.url,
        workload: cell.workload.ref,
        corpus: cell.corpus.file,
        documents: cell.corpus.documents,
        warmupDocuments: warmupDocuments(cell, warmup),
        maxWarmupMs: warmup.maxWarmupMs,
        pipe,
        schedule,
        accept,
        ...openingOf(cell),
        ...(cell.brokerUrl !== undefined && brokerThere(cell.brokerUrl)),
      } satisfies ArrivalRequest,
      {
        timeoutMs:
          options.timeoutMs ?? patience.ms + (patience.factor * 1000 * offered.documents) / offered.rate,
        onNotice: async (notice) => {
          await window.on(notice);
          if (notice.window === 'open') {
            sending = generator.ask<GeneratorRecord>({ pipe, schedule } satisfies GeneratorRequest);
            sending.catch(() => host.end()); // the host would wait for ever
          }
        },
      },
    );
    const seen = await window.close();
    return arrivalRow(cell, {
      ...options,
      record,
      sent: await (sending as unknown as Promise<GeneratorRecord>),
      seen,
    });
  } catch (cause) {
    await window.close();
    const { name, message } = cause as Error;
    return {
      ...unknown(arrivalTable),
      ...cellColumns(cell, options),
      status: 'failed',
      reason: (name === 'HelperDied' || name === 'Error' ? message : `${name}: ${message}`).replaceAll(
        /\s+/g,
        ' ',
      ),
    };
  } finally {
    host.end();
    generator.end();
  }
}

interface Measured extends ArrivalTrialOptions {
  readonly record: ArrivalRecord;
  readonly sent: GeneratorRecord;
  readonly seen: Seen;
}

function arrivalRow(cell: Cell, measured: Measured): ArrivalRow {
  const { record, sent, seen, limitMs, offered } = measured;
  const { dueMs, doneMs, lateMs, isOk, counters } = record;
  const latenciesMs = doneMs.map((ms, i) => ms - (dueMs[i] as number));
  const latency = describeLatencies(latenciesMs);
  const lastMs = doneMs.reduce((last, ms) => (Number.isFinite(ms) && ms > last ? ms : last), record.startMs);
  const seconds = (lastMs - record.startMs) / 1000;
  const inTime = limitMs === null ? null : countWithin({ latenciesMs, isOk }, limitMs);
  const late = quantile(lateMs, 0.99) ?? 0;
  return {
    ...cellColumns(cell, measured),
    ...verdictOn(record.difference, { seen, late, p99Ms: latency.p99Ms }),
    done_per_second: (record.ok + record.failed) / seconds,
    outcomes_ok: record.ok,
    outcomes_failed: record.failed,
    refused: record.refused,
    unserved: record.unserved,
    latency_mean_ms: latency.meanMs,
    latency_p50_ms: latency.p50Ms,
    latency_p90_ms: latency.p90Ms,
    latency_p99_ms: latency.p99Ms,
    latency_p99_low_ms: latency.p99LowMs,
    latency_p99_high_ms: latency.p99HighMs,
    latency_p999_ms: latency.p999Ms,
    latency_max_ms: latency.maxMs,
    limit_ms: limitMs,
    outcomes_in_time: inTime,
    goodput_per_second: inTime === null ? null : inTime / seconds,
    backlog_growth_percent: (100 * backlogSlope(dueMs, doneMs)) / offered.rate,
    late_p99_ms: late,
    generator_cpu_percent: (100 * sent.cpuMs) / sent.wallMs,
    startup_ms: record.startupMs,
    cpu_user_ms: counters.cpuUserMs,
    cpu_system_ms: counters.cpuSystemMs,
    memory_peak_bytes: counters.cpuSource === 'partial' ? null : (seen.peaks?.memoryBytes ?? null),
    noise_steal_percent: seen.noise?.stealPercent ?? null,
    noise_others_percent: seen.noise?.othersPercent ?? null,
  };
}

function cellColumns(cell: Cell, { runId, round, order, offered, accept }: ArrivalTrialOptions) {
  return {
    schema: arrivalSchema,
    run_id: runId,
    round,
    order,
    ...cellNames(cell),
    pattern: offered.pattern,
    asked: offered.asked,
    capacity: offered.capacity,
    offered_per_second: offered.rate,
    documents: offered.documents,
    accept,
  };
}

interface Circumstances {
  readonly seen: Seen;
  readonly late: number;
  readonly p99Ms: number | null;
}

function verdictOn(difference: string | null, { seen, late, p99Ms }: Circumstances) {
  if (difference !== null) return { status: 'failed', reason: difference } as const;
  const noise = seen.noise === null ? null : voidReason(seen.noise);
  if (noise !== null) return { status: 'void', reason: noise } as const;
  if (late > maxLate.ms && late > maxLate.share * (p99Ms ?? Number.POSITIVE_INFINITY))
    return { status: 'void', reason: `the generator was late (p99 ${late.toFixed(1)} ms)` } as const;
  return { status: 'ok', reason: null } as const;
}
