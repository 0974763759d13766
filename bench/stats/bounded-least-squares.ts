/** A range per parameter, ends included. */
export interface Bounds {
  readonly low: readonly number[];
  readonly high: readonly number[];
}

export interface Minimum {
  readonly at: readonly number[];
  /** Sum of squared residuals there. */
  readonly squares: number;
}

const maxSteps = 60;
/**
 * The search ends when a step gains less than this share of the squares. The noise of the data makes the
 * answer uncertain by far more.
 */
const enough = 1e-9;
const hopeless = 1e10;
const singular = 1e-300;

/**
 * Levenberg–Marquardt within bounds: a local minimum of the sum of squared residuals, from `start`, for a
 * handful of parameters. If the gradient pushes a parameter out of its bounds, the step leaves it at the
 * bound. Derivatives are forward differences, which point inwards at the upper bound.
 */
export function leastSquares(
  residuals: (at: readonly number[]) => number[],
  start: readonly number[],
  bounds: Bounds,
): Minimum {
  let at = within(start, bounds);
  let current = residuals(at);
  let squares = sumOfSquares(current);
  let damping = 1e-4;
  for (let step = 0; step < maxSteps; step++) {
    const { gradient, curvature } = slopes(residuals, { at, current, bounds });
    const free: number[] = [];
    for (let i = 0; i < at.length; i++)
      if (!pushedOut(at[i] as number, gradient[i] as number, bounds, i)) free.push(i);
    if (free.length === 0) break;
    let gained = 0;
    for (; damping < hopeless; damping *= 10) {
      const wanted = stepFrom(at, { gradient, curvature, free, damping });
      if (!(promise(gradient, at, wanted) > enough * squares)) return { at, squares };
      const tried = within(wanted, bounds);
      const there = residuals(tried);
      gained = squares - sumOfSquares(there);
      if (!(gained > 0)) continue;
      [at, current] = [tried, there];
      squares -= gained;
      damping = Math.max(damping / 100, 1e-12);
      break;
    }
    if (!(gained > enough * squares)) break;
  }
  return { at, squares };
}

/**
 * Finds the non-negative x with the least squared error of A·x against y, where row i has the weight
 * `weights[i]`. It solves for every set of parameters that are not zero and keeps the best solution without a
 * negative entry. This is exact, and cheap for two or three columns. Column `always` is in every set, and its
 * parameter is never zero.
 * @returns null if no set has a solution
 */
export function nonNegativeLeastSquares(
  rows: readonly (readonly number[])[],
  y: readonly number[],
  { weights, always }: { weights: readonly number[]; always: number },
): number[] | null {
  const columns = rows[0]?.length ?? 0;
  let best: { x: number[]; error: number } | null = null;
  for (let set = 0; set < 2 ** columns; set++) {
    const active = Array.from({ length: columns }, (_, i) => i).filter((i) => (set >> i) & 1);
    if (!active.includes(always)) continue;
    const matrix = active.map((i) =>
      active.map((j) => sumOver(rows, (row, r) => weight(r) * at(row, i) * at(row, j))),
    );
    const right = active.map((i) => sumOver(rows, (row, r) => weight(r) * at(row, i) * at(y, r)));
    const solution = solve(matrix, right);
    if (solution === null || solution.some((value) => value < 0) || solution[active.indexOf(always)] === 0)
      continue;
    const x = Array.from({ length: columns }, (_, i) => solution[active.indexOf(i)] ?? 0);
    const error = sumOver(
      rows,
      (row, r) => weight(r) * (at(y, r) - sumOver(row, (value, i) => value * at(x, i))) ** 2,
    );
    if (best === null || error < best.error) best = { x, error };
  }
  return best?.x ?? null;

  function weight(row: number): number {
    return at(weights, row);
  }
}

/**
 * Computes half the gradient of the sum of squares, Jᵀr, and JᵀJ, which approximates half its second
 * derivatives.
 */
function slopes(
  residuals: (at: readonly number[]) => number[],
  { at: here, current, bounds }: { at: readonly number[]; current: readonly number[]; bounds: Bounds },
): { gradient: number[]; curvature: number[][] } {
  const columns: number[][] = [];
  for (let i = 0; i < here.length; i++) {
    const value = here[i] as number;
    const moved = here.slice();
    moved[i] = value + (value + stepSize(value) > (bounds.high[i] as number) ? -1 : 1) * stepSize(value);
    const h = (moved[i] as number) - value;
    const column = residuals(moved);
    for (let r = 0; r < column.length; r++) column[r] = ((column[r] as number) - (current[r] as number)) / h;
    columns.push(column);
  }
  const gradient: number[] = [];
  const curvature: number[][] = [];
  for (const a of columns) {
    gradient.push(dot(a, current));
    const row: number[] = [];
    for (const b of columns) row.push(dot(a, b));
    curvature.push(row);
  }
  return { gradient, curvature };
}

/**
 * The step of a derivative is about the square root of a double's precision, relative to the size of the
 * parameter.
 */
function stepSize(value: number): number {
  return 1e-7 * Math.max(Math.abs(value), 1e-3);
}

function pushedOut(value: number, gradient: number, { low, high }: Bounds, i: number): boolean {
  return (value <= (low[i] as number) && gradient >= 0) || (value >= (high[i] as number) && gradient <= 0);
}

function stepFrom(
  here: readonly number[],
  {
    gradient,
    curvature,
    free,
    damping,
  }: {
    gradient: readonly number[];
    curvature: readonly number[][];
    free: readonly number[];
    damping: number;
  },
): number[] {
  const matrix: number[][] = [];
  const right: number[] = [];
  for (const i of free) {
    const row: number[] = [];
    for (const j of free) row.push(((curvature[i] as number[])[j] as number) * (i === j ? 1 + damping : 1));
    matrix.push(row);
    right.push(-(gradient[i] as number));
  }
  const step = solve(matrix, right);
  const there = here.slice();
  if (step !== null)
    for (let f = 0; f < free.length; f++)
      there[free[f] as number] = (there[free[f] as number] as number) + (step[f] as number);
  return there;
}

/** Estimates what a step gains. If that is nothing, the minimum is reached and no damping will help. */
function promise(gradient: readonly number[], here: readonly number[], there: readonly number[]): number {
  let gain = 0;
  for (let i = 0; i < here.length; i++)
    gain -= (gradient[i] as number) * ((there[i] as number) - (here[i] as number));
  return gain;
}

function within(values: readonly number[], { low, high }: Bounds): number[] {
  const inside = values.slice();
  for (let i = 0; i < inside.length; i++)
    inside[i] = Math.min(Math.max(inside[i] as number, low[i] as number), high[i] as number);
  return inside;
}

/**
 * Solves one or two unknowns directly, because most fits have no more, and others by Gaussian elimination
 * with row exchange.
 * @returns null if the matrix is singular
 */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  if (right.length === 1) {
    const [[a = 0] = []] = matrix;
    return Math.abs(a) < singular ? null : [at(right, 0) / a];
  }
  if (right.length === 2) {
    const [[a = 0, b = 0] = [], [c = 0, d = 0] = []] = matrix;
    const determinant = a * d - b * c;
    if (Math.abs(determinant) < singular) return null;
    return [
      (at(right, 0) * d - b * at(right, 1)) / determinant,
      (a * at(right, 1) - at(right, 0) * c) / determinant,
    ];
  }
  const rows = matrix.map((row, i) => [...row, at(right, i)]);
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows
      .slice(column)
      .reduce((a, b) => (Math.abs(at(b, column)) > Math.abs(at(a, column)) ? b : a));
    if (Math.abs(at(pivot, column)) < singular) return null;
    rows.splice(rows.indexOf(pivot), 1);
    rows.splice(column, 0, pivot);
    for (const [i, row] of rows.entries()) {
      if (i === column) continue;
      const factor = at(row, column) / at(pivot, column);
      for (let j = column; j < row.length; j++) row[j] = at(row, j) - factor * at(pivot, j);
    }
  }
  return rows.map((row, i) => at(row, rows.length) / at(row, i));
}

function sumOfSquares(values: readonly number[]): number {
  return dot(values, values);
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

function sumOver<Item>(items: readonly Item[], value: (item: Item, index: number) => number): number {
  return items.reduce((sum, item, i) => sum + value(item, i), 0);
}

/** Indices here never leave their arrays. */
function at<Item>(items: readonly Item[], index: number): Item {
  return items[index] as Item;
}
