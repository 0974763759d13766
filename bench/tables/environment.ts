import type { RecommendedTask } from '../../runner/recommendation.js';
import type { Cores } from '../../strategies/processes/cores.js';
import type { Delivery } from '../../strategies/strategy.js';
import type { SizeProfile } from '../../workloads/documents.js';

/**
 * Says how much a run may claim: `suggests` uses intervals alone, `verdicts` adds p values and verdict
 * words.
 */
export type Claims = 'nothing' | 'suggests' | 'verdicts';

/**
 * The costs of documents that run alone, one after the other. They are given for the documents of the passes
 * and for the whole folder.
 */
export interface CorpusCosts {
  readonly folder_documents: number;
  /** This many of the folder's documents were timed. */
  readonly surveyed_documents: number;
  /** Mean cost of the documents that comparable rates refer to, milliseconds. */
  readonly pass_mean_ms: number;
  readonly folder_mean_ms: number;
  /** Standard error of that mean ÷ the mean. It is 0 if every document was timed. */
  readonly folder_mean_error: number;
  readonly set_apart: readonly SetApart[];
  /**
   * True if the task remembers results: each document was then measured once per process, without a warm-up.
   */
  readonly remembers: boolean;
}

/** A document that is in the costs but not in the passes. */
export interface SetApart {
  readonly id: string;
  readonly bytes: number;
  /** Null if it was not timed, so that its cost is a guess. */
  readonly ms: number | null;
  readonly reason: 'large' | 'expensive';
}

/**
 * The content of `environment.json` describes what a run was measured on and with. A value is null if
 * unknown.
 */
export interface Environment {
  readonly schema: number;
  readonly run_id: string;
  readonly started_at: string;
  /** The command that repeats the run. */
  readonly command: string;
  readonly seed: number;
  readonly profile: string;
  /** The profile decides what the run may claim. */
  readonly claims: Claims;
  /** The options of the command line. `--resume` requires that they are the same. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The user's own task, if the run measures one. */
  readonly task?: RecommendedTask;
  /**
   * Trials per round (0 if the race decides from round to round), and the minimum and maximum number of
   * rounds.
   */
  readonly plan: {
    readonly trials_per_round: number;
    readonly rounds_least: number;
    readonly rounds_most: number;
    /** A trial's clock, and the warm-up of each engine, milliseconds. Absent: the profile's. */
    readonly time_ms?: number;
    readonly warmup_ms?: number;
    /** The longest warm-up of an engine whose task is slow to warm up. Absent: no task was. */
    readonly slow_warmup_ms?: number;
    /**
     * The configurations of each strategy, in the order of the plan. Runs before version 0.2.0 do not have
     * them.
     */
    readonly strategies?: readonly {
      readonly name: string;
      readonly deliveries: readonly Delivery[];
      readonly workers: readonly number[];
    }[];
  };
  /**
   * Configurations that `pick` has no trial of, because its time or its calls ended before. The run shows
   * nothing about them. Absent: all were measured, or cannot win by what a document costs alone.
   */
  readonly not_measured?: readonly UnmeasuredRecord[];
  readonly forkwise: string;
  /** The commit of the folder in which the command ran; null outside a git checkout. */
  readonly commit: { readonly hash: string; readonly dirty: boolean } | null;
  readonly machine: {
    readonly cpu_model: string | null;
    readonly cpu_cores_physical: number | null;
    readonly memory_bytes: number;
    /** The smallest limit that cgroups set; null if nothing limits the memory. */
    readonly memory_limit_bytes: number | null;
    readonly os: string | null;
    readonly kernel: string | null;
    readonly arch: string;
    readonly virtual: boolean | null;
  };
  readonly cores: Cores;
  readonly node: {
    readonly version: string;
    readonly v8: string;
    readonly libuv: string;
    readonly exec_argv: readonly string[];
    readonly node_options: string | null;
  };
  readonly libraries: Readonly<Record<string, string>>;
  readonly corpora: readonly ({
    readonly workload: string;
    readonly corpus: string;
    /** Says that configurations started with the names of files. Absent: the documents were in memory. */
    readonly source?: 'files';
    readonly sha256: string;
    /** What each stage costs alone; workers are split by that. Absent where the task is one function. */
    readonly stages?: readonly StageRecord[];
    /**
     * The warm-up that each engine needs to run the task at full speed, and what it gets, milliseconds.
     * Absent: the usual warm-up is enough, or it is not known what is needed.
     */
    readonly warmup?: WarmupRecord;
    /** Only runs of `pick` have it: their passes run a sample, and the promise is about the whole folder. */
    readonly costs?: CorpusCosts;
  } & SizeProfile)[];
}

export interface WarmupRecord {
  readonly needed_ms: number;
  readonly given_ms: number;
}

/** A configuration without a trial. */
export interface UnmeasuredRecord {
  readonly strategy: string;
  readonly workers: number;
  readonly delivery: Delivery;
  /** Absent: one document per worker. */
  readonly per_worker?: number;
  /** Why it was not measured. */
  readonly reason: string;
}

/** A stage of a task, and what it costs. */
export interface StageRecord {
  readonly name: string;
  readonly kind: 'cpu' | 'io' | 'mixed';
  /** One value takes this long, milliseconds. */
  readonly service_ms: number;
  /** This many values reach the stage per document. */
  readonly ratio: number;
}
