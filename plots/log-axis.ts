import type { Spec } from './chart.js';

/** Ends of an axis. */
export type Domain = readonly [number, number];

/** From the smallest to the largest positive value, and a little more on both sides. An octave around a single one, 1 to 10 without any. */
export function logDomain(values: readonly (number | null)[], margin: number): Domain {
  const positive = values.filter((value): value is number => value !== null && value > 0);
  if (positive.length === 0) return [1, 10];
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  const factor = low === high ? Math.SQRT2 : (high / low) ** margin;
  return [low / factor, high * factor];
}

/** The powers of ten within, or at least the values next to the middle that are easy to read. */
export function powersOfTen([low, high]: Domain): number[] {
  const powers = range(Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))).map(power);
  if (powers.length >= 2) return powers;
  const finer = range(Math.floor(Math.log10(low)), Math.floor(Math.log10(high))).flatMap((exponent) =>
    [1, 2, 5].map((digit) => Number((digit * power(exponent)).toPrecision(1))),
  );
  return finer.filter((value) => value >= low && value <= high);
}

/** Ticks with texts of our own. Vega evaluates the labels as an expression, so they may come from numbers only, never from names. */
export function labelled(values: readonly number[], label: (value: number) => string): Spec {
  const labels = Object.fromEntries(values.map((value) => [String(value), label(value)]));
  return { values, labelExpr: `${JSON.stringify(labels)}[datum.value]` };
}

function power(exponent: number): number {
  return Number(`1e${exponent}`); // 10 ** -3 is not 0.001 everywhere
}

function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
