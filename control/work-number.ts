/**
 * The number of documents at work, and every decision about it.
 *
 *   resting   a decision has settled on this number
 *   now       the same number, or another one while a probe tries that
 */

const decisionKinds: readonly DecisionKind[] = ['probe', 'back', 'raise', 'lower', 'guard', 'sleep', 'wake'];
/**
 * What a decision did with the number: tried another one, went back, raised or lowered it, obeyed a guard, or
 * stopped or began trying.
 */
export type DecisionKind = 'probe' | 'back' | 'raise' | 'lower' | 'guard' | 'sleep' | 'wake';

export interface Decision {
  readonly kind: DecisionKind;
  readonly atMs: number;
  /** The number is this from now on. */
  readonly number: number;
  /** One line says what happens and why. */
  readonly why: string;
}

export class WorkNumber {
  readonly #counts = new Map<DecisionKind, number>(decisionKinds.map((kind) => [kind, 0]));
  #now: number;
  #resting: number;
  #range: { readonly low: number; readonly high: number };
  #moves = 0;
  #lastMove: Decision | null = null;
  #atMs = 0;
  #decisions: Decision[] = [];

  constructor(start: number) {
    this.#now = start;
    this.#resting = start;
    this.#range = { low: start, high: start };
  }

  get now(): number {
    return this.#now;
  }

  get resting(): number {
    return this.#resting;
  }

  /** The lowest and the highest number that was settled on. */
  get range(): { readonly low: number; readonly high: number } {
    return this.#range;
  }

  /** How often the number that was settled on has changed. */
  get moves(): number {
    return this.#moves;
  }

  /** The last decision that changed the number that was settled on. */
  get lastMove(): Decision | null {
    return this.#lastMove;
  }

  /** How often each kind of decision was taken. */
  get counts(): ReadonlyMap<DecisionKind, number> {
    return this.#counts;
  }

  /** Returns the list into which the decisions go from now on. */
  decisionsAt(nowMs: number): readonly Decision[] {
    this.#atMs = nowMs;
    this.#decisions = [];
    return this.#decisions;
  }

  /** A probe tries this number. */
  try(number: number): void {
    this.#now = number;
  }

  /** The number is again the one that was settled on. */
  giveBack(): void {
    this.#now = this.#resting;
  }

  /** The number that a probe tries is settled on, which is no decision. */
  keep(): void {
    this.#resting = this.#now;
  }

  settle(kind: DecisionKind, number: number, why: string): void {
    const before = this.#resting;
    this.#resting = number;
    this.#now = number;
    const { low, high } = this.#range;
    this.#range = { low: Math.min(low, number), high: Math.max(high, number) };
    const decision = this.note(
      kind,
      before === number ? `stays at ${number}: ${why}` : `${before} → ${number}: ${why}`,
    );
    if (before === number) return;
    this.#lastMove = decision;
    this.#moves++;
  }

  /** Adds a decision that settles on no other number. */
  note(kind: DecisionKind, why: string): Decision {
    const decision = { kind, atMs: this.#atMs, number: this.#now, why };
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
    this.#decisions.push(decision);
    return decision;
  }
}
