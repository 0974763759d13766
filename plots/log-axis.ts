import type { Spec } from './chart.js';

/** An axis reaches from the first to the second value. */
export type Domain = readonly [number, number];

/**
 * Spans the positive values, with a margin on both sides (a share of the axis). A single value gets an octave
 * around it. Without any positive value the axis goes from 1 to 10.
 */
export function logDomain(values: readonly (number | null)[], margin: number): Domain {
  const positive = values.filter((value): value is number => value !== null && value > 0);
  if (positive.length === 0) return [1, 10];
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const factor = low === high ? Math.SQRT2 : (high / low) ** margin;
  return [low / factor, high * factor];
}

/**
 * Ticks at the powers of ten. Where fewer than two fit, there are ticks at 1, 2 and 5 times a power as well.
 */
export function powersOfTen([low, high]: Domain): number[] {
  const powers = range(Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))).map(power);
  if (powers.length >= 2) return powers;
  const finer = range(Math.floor(Math.log10(low)), Math.floor(Math.log10(high))).flatMap((exponent) =>
    [1, 2, 5].map((digit) => Number((digit * power(exponent)).toPrecision(1))),
  );
  return finer.filter((value) => value >= low && value <= high);
}

/**
 * Ticks with labels of our own. Vega evaluates the labels as an expression, so they must be made from numbers
 * and never contain a name that a user chose.
 */
export function labelled(values: readonly number[], label: (value: number) => string): Spec {
  const labels = Object.fromEntries(values.map((value) => [String(value), label(value)]));
  return { values, labelExpr: `${JSON.stringify(labels)}[datum.value]` };
}

function power(exponent: number): number {
  return Number(`1e${exponent}`); // `10 ** -3` is not exactly 0.001 in every engine
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
