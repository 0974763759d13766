import type { RecommendedTask } from '../../runner/recommendation.js';
import type { Cores } from '../../strategies/processes/cores.js';
import type { SizeProfile } from '../../workloads/documents.js';

/** How much a run may say: `suggests` rests on intervals alone, `verdicts` has p values and verdict words. */
export type Claims = 'nothing' | 'suggests' | 'verdicts';

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
  } & SizeProfile)[];
}
