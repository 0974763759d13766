import type { StageReport } from '../../strategies/strategy.js';
import { number } from '../words/units.js';

/** Rates are those of about the last five seconds: a rate since the begin would hide what changes. */
const windowMs = 2500;

interface Look {
  readonly atMs: number;
  readonly stages: readonly StageReport[];
}

/** Says how many values each stage has finished per second, from what a session reports now and then. */
export class StageRates {
  readonly #report: () => readonly StageReport[];
  readonly #now: () => number;
  /** Rates begin at this look, and later ones at the next. */
  #base: Look;
  #next: Look;

  constructor(report: () => readonly StageReport[], now: () => number) {
    this.#report = report;
    this.#now = now;
    this.#base = this.#next = this.#look();
  }

  /** `load×1 812/s, encode×4 96.1/s`: name, workers and rate of each stage. */
  text(): string {
    const look = this.#look();
    const seconds = (look.atMs - this.#base.atMs) / 1e3;
    const rates = look.stages.map(({ stage, workers, documents }, i) => {
      const done = documents - (this.#base.stages[i]?.documents ?? 0);
      return `${stage}×${workers} ${number(done / seconds)}/s`;
    });
    if (look.atMs - this.#next.atMs >= windowMs) {
      this.#base = this.#next;
      this.#next = look;
    }
    return rates.join(', ');
  }

  #look(): Look {
    return { atMs: this.#now(), stages: this.#report() };
  }
}
