import type { Recommendation } from '../../runner/recommendation.js';
import type { Delivery, StrategyTraits } from '../../strategies/strategy.js';
import type { SummaryRow } from '../tables/columns.js';
import type { Environment } from '../tables/environment.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { sameCell } from '../tables/summarise.js';
import { memoryOf } from '../verdict/situations.js';
import type { Constraints } from './constraints.js';
import { against, type Decision } from './decide.js';
import type { Limits } from './limits.js';

export interface RecommendationOptions {
  readonly decision: Decision;
  readonly environment: Environment;
  readonly task: Recommendation['task'];
  readonly constraints: Constraints;
  readonly limits: Limits;
  readonly timeoutMs: number | null;
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly strategies: readonly Pick<StrategyTraits, 'name' | 'isolation'>[];
  /** Of the choice's strategy, against its workers; null where it cannot be told. */
  readonly memory: MemoryFit | null;
  /** The verdict in sentences. */
  readonly verdict: readonly string[];
  /** What it took to find out; null where nothing was measured for it. */
  readonly effort: Effort | null;
}

/** Memory of the whole tree: base + workers × what each adds. */
export interface MemoryFit {
  readonly baseBytes: number;
  readonly perWorkerBytes: number;
}

/** What a choice has cost, and what every cell in as many blocks would have. */
export interface Effort {
  readonly budgetMs: number;
  readonly usedMs: number;
  readonly fullGridMs: number;
  readonly blocks: number;
  readonly finalBlocks: number;
}

/** `recommendation.json`: what `createRunner` takes, and what people want to read beside it. */
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
  } = options;
  const { choice, rate, endMs, speedup, tied, slower, disqualified, regretBound, blocks } = decision;
  const corpus = environment.corpora.find(
    (entry) => entry.workload === choice.workload && entry.corpus === choice.corpus,
  );
  const others = [...tied, ...slower].filter(({ cell }) => cell !== choice);
  return {
    schema: 1,
    forkwise: environment.forkwise,
    task,
    strategy: choice.strategy,
    workers: choice.workers,
    delivery: choice.delivery as Delivery,
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
    alternatives: others.map(({ cell, difference, rate }) => ({
      ...named(cell),
      documentsPerSecond: rate.mean,
      memoryBytes: memoryOf(cell),
      reason:
        difference === null
          ? 'the highest rate; what is chosen is as good and simpler'
          : `${against(difference)} the highest rate`,
    })),
    disqualified: disqualified.map(({ cell, reason }) => ({ ...named(cell), reason })),
    constraints,
    effort,
    run: { id: environment.run_id, startedAt: environment.started_at, command: environment.command },
  };
}

function named({ strategy, workers, delivery }: Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'>) {
  return { strategy, workers, delivery };
}

function loopDelayOf(choice: SummaryRow, responsiveness: readonly ResponsivenessRow[]) {
  const row = responsiveness.findLast((row) => sameCell(row, choice));
  return row === undefined
    ? null
    : { p50Ms: row.ping_p50_ms, p99Ms: row.ping_p99_ms, maxMs: row.ping_max_ms, pings: row.pings };
}
