import { usableShare, workersMb } from '../../strategies/processes/memory-share.js';
import { UsageError } from '../errors.js';

/** What a group, or a part of one, uses of a job's budget. */
export interface Share {
  readonly cores: number;
  readonly memoryMb: number;
}

/** A group that waits for its share. */
export interface Claim extends Share {
  readonly name: string;
  /** It takes as many cores as are free, each with as much memory as each of the first. */
  readonly grows: boolean;
  /** It runs on the thread of this process, where only one group at a time makes sense. */
  readonly isOnMainThread: boolean;
}

/** A worker does not load with less, MB. */
const minMb = 16;
/** Sums of numbers that are no integers are equal up to this, MB. */
const rounding = 1e-6;

/** What a job may use at the same time, and what is used. The sums never exceed the whole. */
export class Budget {
  readonly cores: number;
  /** Workers share this; the caller has its own part of the memory. */
  readonly memoryMb: number;
  #usedCores = 0;
  #usedMb = 0;

  /** @throws UsageError when no worker fits */
  constructor({ cores, memoryBytes }: { readonly cores: number; readonly memoryBytes: number }) {
    this.cores = cores;
    this.memoryMb = workersMb(memoryBytes);
    if (this.memoryMb < minMb)
      throw new UsageError(
        `expected memory for workers of at least ${minMb} MB, got ${Math.floor(this.memoryMb)} MB, ` +
          `which is ${100 * usableShare} % of the job's without its own process; give it more memory`,
      );
  }

  get freeCores(): number {
    return this.cores - this.#usedCores;
  }

  /** A share of the memory that is as large as this share of the cores, MB. */
  memoryFor(cores: number): number {
    return (this.memoryMb * cores) / this.cores;
  }

  fits({ cores, memoryMb }: Share): boolean {
    return cores <= this.freeCores && this.#usedMb + memoryMb <= this.memoryMb + rounding;
  }

  take(share: Share): void {
    if (!this.fits(share))
      throw new Error(
        `expected a share that is free, got ${share.cores} cores and ${share.memoryMb} MB of ` +
          `${this.freeCores} and ${this.memoryMb - this.#usedMb}`,
      );
    this.#usedCores += share.cores;
    this.#usedMb += share.memoryMb;
  }

  give({ cores, memoryMb }: Share): void {
    this.#usedCores -= cores;
    this.#usedMb = Math.max(0, this.#usedMb - memoryMb);
  }

  /** @throws UsageError for a group that would wait for ever */
  refuse({ name, cores, memoryMb }: Claim): void {
    if (cores > this.cores)
      throw new UsageError(
        `group "${name}": expected at most ${this.cores} cores, which the job has, got ${cores}; ` +
          'give the group fewer, or the job more in its own "resources"',
      );
    if (memoryMb > this.memoryMb + rounding)
      throw new UsageError(
        `group "${name}": expected at most ${Math.floor(this.memoryMb)} MB of memory, which is ` +
          `${100 * usableShare} % of the job's without its own process, got ${Math.ceil(memoryMb)} MB; ` +
          'give the group less, or the job more in its own "resources"',
      );
  }
}

/**
 * Which of the waiting groups begin now, and with how many cores each. The first ones come first, and a group
 * that does not fit lets others pass. Cores that are left when no group waits go to the groups that begin.
 */
export function opening(
  waiting: readonly Claim[],
  {
    budget,
    mainThreadIsFree,
    others = 0,
  }: {
    readonly budget: Budget;
    readonly mainThreadIsFree: boolean;
    /** This many more groups wait, which do not fit yet. */
    readonly others?: number;
  },
): Map<string, Share> {
  const begun: Claim[] = [];
  const shares = new Map<string, Share>();
  let isFree = mainThreadIsFree;
  for (const claim of waiting) {
    if (!budget.fits(claim) || (claim.isOnMainThread && !isFree)) continue;
    if (claim.isOnMainThread) isFree = false;
    budget.take(claim);
    shares.set(claim.name, { cores: claim.cores, memoryMb: claim.memoryMb });
    begun.push(claim);
  }
  if (others === 0 && begun.length === waiting.length) widen(begun, shares, budget);
  return shares;
}

/** Gives one free core after the other to the group that has the fewest. */
function widen(begun: readonly Claim[], shares: Map<string, Share>, budget: Budget): void {
  const growing = new Set(begun.filter(({ grows }) => grows));
  while (growing.size > 0 && budget.freeCores > 0) {
    const [claim] = [...growing].sort((a, b) => coresOf(shares, a) - coresOf(shares, b)) as [Claim];
    const more = oneMore(claim);
    if (!budget.fits(more)) {
      growing.delete(claim);
      continue;
    }
    budget.take(more);
    const { cores, memoryMb } = shares.get(claim.name) as Share;
    shares.set(claim.name, { cores: cores + 1, memoryMb: memoryMb + more.memoryMb });
  }
}

/** One core more of a group, with the memory of a worker. */
export function oneMore({ cores, memoryMb }: Claim): Share {
  return { cores: 1, memoryMb: memoryMb / cores };
}

function coresOf(shares: ReadonlyMap<string, Share>, { name }: Claim): number {
  return shares.get(name)?.cores ?? 0;
}
