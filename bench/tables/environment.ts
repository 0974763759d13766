import type { RecommendedTask } from '../../runner/recommendation.js';
import type { Cores } from '../../strategies/processes/cores.js';
import type { Delivery } from '../../strategies/strategy.js';
import type { SizeProfile } from '../../workloads/documents.js';

/** How much a run may say: `suggests` rests on intervals alone, `verdicts` has p values and verdict words. */
export type Claims = 'nothing' | 'suggests' | 'verdicts';

/** What documents cost alone, one after the other: those of the passes, and those of the whole folder. */
export interface CorpusCosts {
  readonly folder_documents: number;
  /** How many of them were timed. */
  readonly surveyed_documents: number;
  /** Mean cost of the documents that comparable rates refer to, milliseconds. */
  readonly pass_mean_ms: number;
  readonly folder_mean_ms: number;
  /** Standard error of that mean ÷ the mean; 0 if every document was timed. */
  readonly folder_mean_error: number;
  readonly set_apart: readonly SetApart[];
  /** True if the task remembers results: each document was then measured once per process, without a warm-up. */
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

/** `environment.json`: what a run was measured on and with. Null where the system does not say. */
export interface Environment {
  readonly schema: number;
  readonly run_id: string;
  readonly started_at: string;
  /** The command that repeats the run. */
  readonly command: string;
  readonly seed: number;
  readonly profile: string;
  /** What the profile lets the run claim. */
  readonly claims: Claims;
  /** What the command line asked for, by option: what `--resume` must find unchanged. */
  readonly flags: Readonly<Record<string, unknown>>;
  /** The user's own task, where the run is of one. */
  readonly task?: RecommendedTask;
  /** Trials a round, 0 where the race decides from round to round; how many rounds at least and at most. */
  readonly plan: {
    readonly trials_per_round: number;
    readonly rounds_least: number;
    readonly rounds_most: number;
    /** What each strategy is measured with, in the order of the plan; absent in runs from before version 0.2.0. */
    readonly strategies?: readonly {
      readonly name: string;
      readonly deliveries: readonly Delivery[];
      readonly workers: readonly number[];
    }[];
  };
  readonly forkwise: string;
  /** Of the folder the command was given in; null outside a git checkout. */
  readonly commit: { readonly hash: string; readonly dirty: boolean } | null;
  readonly machine: {
    readonly cpu_model: string | null;
    readonly cpu_cores_physical: number | null;
    readonly memory_bytes: number;
    /** Least of what cgroups allow; null when nothing limits it. */
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
    readonly sha256: string;
    /** Only in a run of `pick`: its passes run a sample, and the promise is about the folder. */
    readonly costs?: CorpusCosts;
  } & SizeProfile)[];
}
