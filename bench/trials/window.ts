import { type Noise, watchNoise } from '../measure/noise.js';
import { files } from '../measure/proc.js';
import { type Peaks, Sampler } from '../measure/sampler.js';
import type { TrialNotice } from './trial-host.js';

/** What was observed of the process tree. */
export interface Seen {
  readonly peaks: Peaks | null;
  readonly noise: Noise | null;
}

/** Observes the process tree from outside, from the begin to the end of the timed passes. */
export class Window {
  readonly #suite: readonly number[];
  #sampler: Sampler | null = null;
  #noiseSince: (() => Noise) | null = null;
  #seen: Promise<Seen> | null = null;

  constructor(suite: readonly number[]) {
    this.#suite = suite;
  }

  async on(notice: TrialNotice): Promise<void> {
    if (notice.window === 'closed') return void (await this.close());
    this.#noiseSince = watchNoise({ files, root: notice.pids[0] as number, suite: this.#suite });
    this.#sampler = new Sampler(notice.pids);
  }

  /** Stops observing. Later calls return the same figures. */
  close(): Promise<Seen> {
    this.#seen ??= this.#look();
    return this.#seen;
  }

  async #look(): Promise<Seen> {
    const noise = this.#noiseSince?.() ?? null;
    return { noise, peaks: (await this.#sampler?.stop()) ?? null };
  }
}
