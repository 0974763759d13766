import type { Recommendation } from '../../runner/recommendation.js';
import type { Limits } from '../../strategies/processes/memory-share.js';
import type { Configuration, StrategyTraits } from '../../strategies/strategy.js';
import type { TaskFinding } from '../../workloads/task-findings.js';
import { sameCell } from '../tables/cell.js';
import { readConfigurationText } from '../tables/configuration-text.js';
import type { Environment } from '../tables/environment.js';
import { memoryOf } from '../tables/memory.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import type { SummaryRow } from '../tables/summary-columns.js';
import { deliveryOf } from '../tables/trial-columns.js';
import { stagedData } from '../verdict/fused.js';
import { withInterval } from '../words/configuration.js';
import type { Constraints } from './constraints.js';
import type { Decision } from './decide.js';
import type { Judged } from './open-loop/judge.js';

export interface RecommendationOptions {
  readonly decision: Decision;
  readonly environment: Environment;
  readonly task: Recommendation['task'];
  readonly constraints: Constraints;
  readonly limits: Limits;
  readonly timeoutMs: number | null;
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly strategies: readonly Pick<StrategyTraits, 'name' | 'isolation'>[];
  /** How the memory of the choice's strategy grows with its workers; null if unknown. */
  readonly memory: MemoryFit | null;
  /** The verdict as sentences. */
  readonly verdict: readonly string[];
  /** The effort of measuring; null if nothing was measured for this recommendation. */
  readonly effort: Effort | null;
  /** What `forkwise check` knows about the task, without what is fine. */
  readonly findings: readonly TaskFinding[];
  /** Open loops showed this at the demanded rate; null if no rate was demanded. */
  readonly judged: Judged | null;
}

/** The memory of the whole tree is modelled as base + workers × what each of them adds. */
export interface MemoryFit {
  readonly baseBytes: number;
  readonly perWorkerBytes: number;
}

/** How long the choice took, and how long as many blocks of every configuration would have taken. */
export interface Effort {
  readonly budgetMs: number;
  readonly usedMs: number;
  readonly fullGridMs: number;
  readonly blocks: number;
  readonly finalBlocks: number;
}

/** Builds `recommendation.json`: what `createRunner` takes, and what people want to know besides. */
export function recommendation(options: RecommendationOptions): Recommendation {
  const {
    decision,
    environment,
    task,
    constraints,
    limits,
    timeoutMs,
    responsiveness,
    strategies,
    memory,
    verdict,
    effort,
    findings,
    judged,
  } = options;
  const { choice, rate, endMs, speedup, tied, slower, disqualified, regretBound, blocks } = decision;
  const corpus = environment.corpora.find(
    (entry) => entry.workload === choice.workload && entry.corpus === choice.corpus,
  );
  const others = [...tied, ...slower].filter(({ cell }) => cell !== choice);
  return {
    ...split(choice),
    forkwise: environment.forkwise,
    task,
    strategy: choice.strategy,
    workers: choice.workers,
    ...(choice.per_worker !== null && { perWorker: choice.per_worker }),
    delivery: deliveryOf(choice),
    timeoutMs,
    heapMb: limits.heapMb ?? null,
    memoryMb: limits.memoryMb ?? null,
    expected: {
      documentsPerSecond: rate.mean,
      low: rate.low,
      high: rate.high,
      startupMs: choice.startup_ms ?? 0,
      endMs,
      memoryBytes: memoryOf(choice),
    },
    validWhen: {
      nodeMajor: Number.parseInt(environment.node.version, 10),
      platform: process.platform,
      arch: environment.machine.arch,
      cores: environment.cores.effective,
      documentBytes: { p5: corpus?.p5 ?? 0, p95: corpus?.p95 ?? Number.MAX_SAFE_INTEGER },
      corpusSha256: corpus?.sha256 ?? '',
      corpusDocuments: corpus?.documents ?? 0,
    },
    verdict,
    isolation: strategies.find(({ name }) => name === choice.strategy)?.isolation ?? null,
    speedup,
    memory,
    latencyP99Ms: choice.latency_p99_ms,
    cpuMsPerDocument: choice.cpu_ms_per_document,
    loopDelay: loopDelayOf(choice, responsiveness),
    blocks,
    regretBound,
    tied: tied.map(({ cell }) => named(cell)),
    alternatives: others.map(({ cell, ratio, rate }) => ({
      ...named(cell),
      documentsPerSecond: rate.mean,
      memoryBytes: memoryOf(cell),
      reason:
        ratio === null
          ? 'no block in common with the choice'
          : `${withInterval(ratio)} the rate of the choice`,
    })),
    disqualified: disqualified
      .filter(({ cell }) => !judged?.feasible.some((one) => sameCell(one.cell, cell)))
      .map(({ cell, reason }) => ({ ...named(cell), reason })),
    ...(environment.not_measured !== undefined && {
      notMeasured: environment.not_measured.map(({ per_worker: perWorker, ...one }) => ({
        ...one,
        ...(perWorker !== undefined && { perWorker }),
      })),
    }),
    ...(decision.staged !== null && { stages: stagedData(decision.staged) }),
    constraints,
    effort,
    ...(findings.length > 0 && { findings }),
    ...(judged !== null && { openLoop: openLoopMember(judged) }),
    run: { id: environment.run_id, startedAt: environment.started_at, command: environment.command },
  };
}

/** The split of the workers, where the strategy takes several numbers. */
function split({
  configuration,
}: Pick<SummaryRow, 'configuration'>): { schema: 1 } | { schema: 2; configuration: Configuration } {
  return configuration === null
    ? { schema: 1 }
    : { schema: 2, configuration: readConfigurationText(configuration) };
}

/** The demand that the choice serves, what was measured of it there, and what else can serve it. */
function openLoopMember({ demand, feasible }: Judged) {
  const [choice, ...others] = feasible.map(({ cell, ...figures }) => ({ ...named(cell), ...figures }));
  return {
    pattern: 'poisson',
    ratePerSecond: demand.perSecond,
    latencyP99LimitMs: demand.limitMs,
    ...choice,
    alternatives: others,
  };
}

function named({
  strategy,
  workers,
  per_worker,
  delivery,
}: Pick<SummaryRow, 'strategy' | 'workers' | 'per_worker' | 'delivery'>) {
  return { strategy, workers, ...(per_worker !== null && { perWorker: per_worker }), delivery };
}

function loopDelayOf(choice: SummaryRow, responsiveness: readonly ResponsivenessRow[]) {
  const row = responsiveness.findLast((row) => sameCell(row, choice));
  return row === undefined
    ? null
    : { p50Ms: row.ping_p50_ms, p99Ms: row.ping_p99_ms, maxMs: row.ping_max_ms, pings: row.pings };
}
