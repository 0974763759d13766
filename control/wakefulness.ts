/**
 * How easily the controller wakes from its sleep, by what its earlier sleeps have led to.
 *
 *   dullness     a change of the rate must be this many times larger than usual to wake it
 *   quiet time   windows without a change, after which a higher number is tried again
 */

/** A higher number is tried again after this many quiet windows, and then after twice as many. */
const firstQuiet = 100;
const maxQuiet = 1600;
/** After a guard, a higher number is tried after this many quiet windows. */
const afterGuard = 5;
/** A change of the rate that leads to no other number makes the next one count only if this times larger. */
const duller = 1.5;
/** The product of these factors is at most this. */
const dullest = 4;

export class Wakefulness {
  #dullness = 1;
  /** A higher number is tried after this many quiet windows. */
  #quiet = firstQuiet;
  /** The number at which a change of the rate was noticed, until the next sleep; null: none was. */
  #wokenAt: number | null = null;
  /** The number before a guard has lowered it. */
  #wanted = 0;

  /** A change of the rate must be this many times larger than usual: the machine itself is fast and slow. */
  get dullness(): number {
    return this.#dullness;
  }

  /** A change of the rate has ended the sleep at this number. */
  wokenAt(number: number): void {
    this.#quiet = firstQuiet;
    this.#wokenAt ??= number;
  }

  /** A sleep begins at this number. Where that is the number before the change, the change led to nothing. */
  sleepsAt(number: number): void {
    if (this.#wokenAt !== null)
      this.#dullness = this.#wokenAt === number ? Math.min(duller * this.#dullness, dullest) : 1;
    this.#wokenAt = null;
  }

  /** The cause of the changes so far is known, so they no longer make the next one count less. */
  sharpen(): void {
    this.#dullness = 1;
  }

  /** A guard lowers this number. */
  loweredFrom(number: number): void {
    this.#wanted = Math.max(this.#wanted, number);
  }

  /** A higher number was tried and was not better, so the one before the guard is no longer wanted. */
  higherNotBetter(): void {
    this.#wanted = 0;
  }

  /**
   * Returns true if a higher number than this should be tried after this many quiet windows. The next quiet
   * time is then twice as long, except after a guard.
   */
  triesHigher({ number, windows }: { number: number; windows: number }): boolean {
    if (this.#wanted > number) return windows >= afterGuard;
    if (windows < this.#quiet) return false;
    this.#quiet = Math.min(2 * this.#quiet, maxQuiet);
    this.#dullness = Math.max(1, this.#dullness / duller);
    return true;
  }
}
