import type { Claims, Environment } from '../bench/tables/environment.js';
import { type OkTrial, schema, type TrialRow, trialTable } from '../bench/tables/trial-columns.js';
import { loadStrategies } from '../bench/trials/prepare.js';
import type { Traits } from '../bench/verdict/configurations.js';
import { type Findings, findings } from '../bench/verdict/findings.js';
import { strategies } from '../strategies/index.js';
import { made, type Some, trial } from './rows.js';

/** Whole runs that were never measured, for tests of what is said of runs. */

export interface RunChoice {
  readonly workloads?: Readonly<Record<string, string>>;
  /** Each corpus has a name and a mean size of its documents. */
  readonly corpora?: Readonly<Record<string, number>>;
  readonly strategies?: readonly string[];
  readonly workers?: readonly number[];
  readonly rounds?: number;
  readonly claims?: Claims;
  readonly cores?: number;
  readonly change?: ((row: OkTrial) => Some<TrialRow>) | undefined;
  readonly environment?: Partial<Environment>;
}

const listed = (await loadStrategies(strategies.map(({ url }) => url))).map(({ strategy }) => strategy);
const names = listed.map(({ name }) => name);

/**
 * Makes the trials of a run. Cpu work scales to the cores, other work to the workers, and each strategy has
 * its own overhead.
 */
export function trialsOf(choice: RunChoice): TrialRow[] {
  const {
    workloads = { 'word-frequency': 'cpu' },
    corpora = { '10KB': 10_000, '100KB': 100_000 },
    strategies = names,
  } = choice;
  const { workers = [1, 2, 4], rounds = 3, cores = 2 } = choice;
  const rows: TrialRow[] = [];
  for (let round = 1; round <= rounds; round++) {
    let order = 0;
    for (const [workload, kind] of Object.entries(workloads))
      for (const [corpus, document_bytes] of Object.entries(corpora))
        for (const [s, strategy] of strategies.entries())
          for (const count of traitOf(strategy).baseline ? [1] : workers) {
            order++;
            const row = measured({
              workload,
              kind,
              corpus,
              document_bytes,
              strategy,
              workers: count,
              round,
              order,
              overhead: 20 * s,
              cores,
            });
            rows.push(made(trialTable, { ...row, ...choice.change?.(row) }));
          }
  }
  return rows;
}

interface Cell {
  readonly workload: string;
  readonly kind: string;
  readonly corpus: string;
  readonly document_bytes: number;
  readonly strategy: string;
  readonly workers: number;
  readonly round: number;
  readonly order: number;
  /** This is the overhead per document, µs. */
  readonly overhead: number;
  readonly cores: number;
}

function measured({ overhead, cores, ...cell }: Cell): OkTrial {
  const { document_bytes, strategy, workers, round, order } = cell;
  const { baseline, isolation } = traitOf(strategy);
  const onCaller = isolation === 'none';
  const usable = cell.kind !== 'cpu' ? workers : onCaller ? 1 : Math.min(workers, cores);
  const task = document_bytes / 100; // µs
  const wobble = 1 + 0.004 * (((round * 7 + order * 3) % 5) - 2);
  const rate = (1e6 / (task / usable + overhead)) * wobble;
  const wall = (100 / rate) * 1e3;
  const inside = ((100 * task) / 1e3) * 1.02;
  return trial({
    ...cell,
    delivery: onCaller ? 'none' : 'clone',
    passes: 1,
    wall_ms: wall,
    documents_per_second: rate,
    megabytes_per_second: (rate * document_bytes) / 1e6,
    startup_ms: baseline ? 1.5 : 20 + 13 * workers,
    cpu_user_ms: inside * 1.1 + overhead / 50,
    cpu_system_ms: inside * 0.1,
    cpu_percent: (100 * inside * 1.2) / wall,
    rss_peak_bytes: 61e6 + 33e6 * workers + 1e5 * round,
    memory_peak_bytes: 51e6 + 21e6 * workers + 1e5 * round,
    context_switches_voluntary: 100 + order,
    context_switches_involuntary: 11 * round,
    event_loop_utilization: onCaller ? 0.99 : 0.21,
    latency_p50_ms: (task * workers) / 1e3,
    latency_p95_ms: (task * workers) / 900,
    latency_p99_ms: (task * workers) / 800,
    ...(workers <= cores
      ? { busy_ms: inside, busy_max_ms: (inside / workers) * 1.03, busy_workers: workers }
      : {}),
    outcomes_ok: 100,
    outcomes_failed: 0,
    digest: 'abc',
    digest_matches: true,
  });
}

export function environmentOf(
  trials: readonly TrialRow[],
  { rounds = 3, claims = 'suggests', cores = 2, environment }: RunChoice,
): Environment {
  const places = new Map(
    trials.map(({ workload, corpus }) => [JSON.stringify([workload, corpus]), { workload, corpus }]),
  );
  return {
    schema,
    run_id: 'test',
    started_at: '2026-03-01T10:00:00.000Z',
    command: 'forkwise bench',
    seed: 1,
    profile: 'quick',
    claims,
    flags: {},
    plan: {
      trials_per_round: trials.filter(({ round }) => round === 1).length,
      rounds_least: rounds,
      rounds_most: rounds,
    },
    forkwise: '0.1.0',
    commit: null,
    machine: {
      cpu_model: 'Test CPU',
      cpu_cores_physical: 2,
      memory_bytes: 8e9,
      memory_limit_bytes: null,
      os: 'Test OS',
      kernel: null,
      arch: 'x64',
      virtual: null,
    },
    cores: { host: cores, available: cores, quota: null, effective: cores },
    node: { version: '24.1.0', v8: '13', libuv: '1', exec_argv: [], node_options: null },
    libraries: {},
    corpora: [...places.values()].map((place) => ({
      ...place,
      sha256: 'f'.repeat(64),
      documents: 100,
      bytes: 1e6,
      min: 1e4,
      p5: 1e4,
      p50: 1e4,
      p95: 1e4,
      max: 1e4,
    })),
    ...environment,
  };
}

export function findingsOf(choice: RunChoice, trials: readonly TrialRow[] = trialsOf(choice)): Findings {
  const all = [...new Set([...names, ...(choice.strategies ?? [])])];
  return findings(trials, { environment: environmentOf(trials, choice), strategies: traitsOf(all) });
}

/**
 * Traits as the strategies with these names have them. A name that is not listed is a strategy with threads.
 */
export function traitsOf(names: readonly string[]): Traits[] {
  return names.map(traitOf);
}

function traitOf(name: string): Traits {
  const found = listed.find((strategy) => strategy.name === name);
  return found ?? { name, baseline: false, concurrency: 'workers', isolation: 'thread' };
}
