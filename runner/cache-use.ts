import type { Outcome } from '../strategies/strategy.js';

/** What a cache has done since its runner opened. */
export interface CacheStats {
  /** Documents whose results were found. */
  readonly hits: number;
  /** Documents that have ended otherwise. */
  readonly misses: number;
  /** The tasks of the found results took this long when they were kept, less the time of finding them, ms. */
  readonly savedMs: number;
}

/** Counts the documents whose results were found. */
export class CacheUse {
  #hits = 0;
  #misses = 0;
  #savedMs = 0;

  see({ cachedMs, taskMs }: Outcome): void {
    if (cachedMs === undefined) this.#misses++;
    else {
      this.#hits++;
      this.#savedMs += Math.max(0, cachedMs - (taskMs ?? 0));
    }
  }

  stats(): CacheStats {
    return { hits: this.#hits, misses: this.#misses, savedMs: this.#savedMs };
  }
}

/** What several caches have done; undefined where there was none. */
export function together(a: CacheStats | undefined, b: CacheStats | undefined): CacheStats | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return { hits: a.hits + b.hits, misses: a.misses + b.misses, savedMs: a.savedMs + b.savedMs };
}
