import type { Kind } from '../../workloads/workload.js';
import type { NonEmpty } from '../stats/group-by.js';
import type { Claims } from '../tables/environment.js';

/** A profile sets how much a run measures, and therefore what the run may claim. */
export interface Profile {
  readonly name: string;
  readonly about: string;
  readonly workloads: readonly string[];
  readonly sizes: readonly string[];
  readonly workers: readonly number[];
  /** A run ends between the two bounds, as soon as its stop rule is satisfied or its budget is spent. */
  readonly rounds: { readonly min: number; readonly max: number };
  readonly claims: Claims;
  /** How often a cell may be measured in a round while other processes disturb its trials. */
  readonly maxAttempts: number;
  /** Timed passes of a trial continue until they add up to this much time. */
  readonly timeMs: number;
  /** Time that every engine that takes part spends on documents before the clock starts. */
  readonly warmupMs: number;
  /**
   * An engine whose task is slow to warm up gets up to the first of these warm-ups with which the run stays
   * below `belowMs`, or the last one. Absent: it has the usual one.
   */
  readonly slow?: { readonly belowMs: number; readonly warmupsMs: NonEmpty<number> };
  /**
   * The first of these timings with which the run stays below `belowMs` takes the place of `timeMs` and
   * `warmupMs`. Two workers on two cores also compile on these cores, so a short warm-up leaves them colder
   * than one, and the rates of a longer clock scatter less.
   */
  readonly longer?: {
    readonly belowMs: number;
    readonly timings: readonly { readonly timeMs: number; readonly warmupMs: number }[];
  };
  /**
   * Number of documents in one pass: as many as have this many bytes, within the bounds `min` and `max`. A
   * workload that waits has a fixed number, `waiting`.
   */
  readonly pass: {
    readonly bytes: number;
    readonly min: number;
    readonly max: number;
    readonly waiting: number;
  };
}

const workloads = ['word-frequency', 'llm-extract'];
const sizes = ['10KB', '100KB', '500KB'];
const workers = [1, 2, 4, 8];

/** A long run gives every task the warm-up that it needs, up to this long. */
export const longSlow = { belowMs: Number.POSITIVE_INFINITY, warmupsMs: [4_000] } as const;

export const profiles: readonly Profile[] = [
  {
    name: 'smoke',
    about: 'seconds; shows that everything works, claims nothing',
    workloads,
    sizes: ['10KB'],
    workers: [1, 2],
    rounds: { min: 1, max: 1 },
    claims: 'nothing',
    maxAttempts: 1,
    timeMs: 20,
    warmupMs: 10,
    pass: { bytes: 200_000, min: 8, max: 20, waiting: 8 },
  },
  {
    name: 'quick',
    about: 'at most six minutes on two cores, twice as long for a task that is slow to warm up; suggests',
    workloads,
    sizes,
    workers,
    rounds: { min: 3, max: 3 },
    claims: 'suggests',
    maxAttempts: 3,
    timeMs: 150,
    warmupMs: 100,
    slow: { belowMs: 660_000, warmupsMs: [2_500, 1_500, 1_000, 500] },
    longer: {
      belowMs: 330_000,
      timings: [
        { timeMs: 600, warmupMs: 500 },
        { timeMs: 150, warmupMs: 500 },
        { timeMs: 150, warmupMs: 250 },
      ],
    },
    pass: { bytes: 4_000_000, min: 16, max: 400, waiting: 32 },
  },
  {
    name: 'standard',
    about: 'one to three hours; 12 to 32 rounds of a second each, until the intervals are narrow',
    workloads,
    sizes,
    workers,
    rounds: { min: 12, max: 32 },
    claims: 'verdicts',
    maxAttempts: 3,
    timeMs: 1_000,
    warmupMs: 500,
    slow: longSlow,
    pass: { bytes: 10_000_000, min: 32, max: 1_000, waiting: 64 },
  },
  {
    name: 'rigorous',
    about: 'several hours; 40 rounds of a second each',
    workloads,
    sizes,
    workers,
    rounds: { min: 40, max: 40 },
    claims: 'verdicts',
    maxAttempts: 3,
    timeMs: 1_000,
    warmupMs: 500,
    slow: longSlow,
    pass: { bytes: 10_000_000, min: 32, max: 1_000, waiting: 64 },
  },
];

/**
 * Chooses the number of documents in one pass. It depends only on the plan, never on this machine's speed, so
 * the same options give the same corpus everywhere.
 */
export function documentsPerPass({ pass }: Profile, kind: Kind, meanBytes: number): number {
  if (kind !== 'cpu') return pass.waiting;
  return Math.max(pass.min, Math.min(pass.max, Math.round(pass.bytes / Math.max(1, meanBytes))));
}
