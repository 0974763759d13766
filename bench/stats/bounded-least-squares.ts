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

const mostSteps = 60;
/** Steps end when one gains less than this share of the squares: far below what noise in the data leaves of the answer. */
const enough = 1e-12;
const hopeless = 1e10;

/**
 * Levenberg–Marquardt within bounds: a local minimum of the sum of squared residuals, from `start`, for a handful of
 * parameters. A parameter at a bound that the gradient pushes outwards is held there for the step. Derivatives are forward
 * differences, which point inwards at the upper bound.
 */
export function leastSquares(residuals: (at: readonly number[]) => number[], start: readonly number[], bounds: Bounds): Minimum {
  let at = within(start, bounds);
  let current = residuals(at);
  let squares = sumOfSquares(current);
  let damping = 1e-4;
  for (let step = 0; step < mostSteps; step++) {
    const { gradient, curvature } = slopes(residuals, { at, current, bounds });
    const free = at.flatMap((value, i) => (pushedOut(value, gradient[i] as number, bounds, i) ? [] : [i]));
    if (free.length === 0) break;
    let gained = 0;
    for (; damping < hopeless; damping *= 10) {
      const tried = within(stepFrom(at, { gradient, curvature, free, damping }), bounds);
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
 * The non-negative x with the least squared error of A·x against y, row i weighing `weights[i]`: every set of parameters that
 * are not zero is solved, and the best solution without a negative entry wins. Exact, and cheap for two or three columns.
 * Column `always` is in every set and may not come out as zero. Null where no set has a solution.
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
    const matrix = active.map((i) => active.map((j) => sumOver(rows, (row, r) => weight(r) * at(row, i) * at(row, j))));
    const right = active.map((i) => sumOver(rows, (row, r) => weight(r) * at(row, i) * at(y, r)));
    const solution = solve(matrix, right);
    if (solution === null || solution.some((value) => value < 0) || solution[active.indexOf(always)] === 0) continue;
    const x = Array.from({ length: columns }, (_, i) => solution[active.indexOf(i)] ?? 0);
    const error = sumOver(rows, (row, r) => weight(r) * (at(y, r) - sumOver(row, (value, i) => value * at(x, i))) ** 2);
    if (best === null || error < best.error) best = { x, error };
  }
  return best?.x ?? null;

  function weight(row: number): number {
    return at(weights, row);
  }
}

/** Half the gradient of the sum of squares, Jᵀr, and the approximation JᵀJ to half its second derivatives. */
function slopes(
  residuals: (at: readonly number[]) => number[],
  { at: here, current, bounds }: { at: readonly number[]; current: readonly number[]; bounds: Bounds },
): { gradient: number[]; curvature: number[][] } {
  const columns = here.map((value, i) => {
    const inwards = value + stepSize(value) > at(bounds.high, i) ? -1 : 1;
    const moved = here.map((other, j) => (i === j ? other + inwards * stepSize(value) : other));
    const h = at(moved, i) - value;
    return residuals(moved).map((residual, r) => (residual - at(current, r)) / h);
  });
  return {
    gradient: columns.map((column) => dot(column, current)),
    curvature: columns.map((a) => columns.map((b) => dot(a, b))),
  };
}

/** About the square root of a double's precision, relative to the size of a parameter. */
function stepSize(value: number): number {
  return 1e-7 * Math.max(Math.abs(value), 1e-3);
}

function pushedOut(value: number, gradient: number, { low, high }: Bounds, i: number): boolean {
  return (value <= at(low, i) && gradient >= 0) || (value >= at(high, i) && gradient <= 0);
}

function stepFrom(
  here: readonly number[],
  {
    gradient,
    curvature,
    free,
    damping,
  }: { gradient: readonly number[]; curvature: readonly number[][]; free: readonly number[]; damping: number },
): number[] {
  const matrix = free.map((i) => free.map((j) => at(at(curvature, i), j) * (i === j ? 1 + damping : 1)));
  const step = solve(
    matrix,
    free.map((i) => -at(gradient, i)),
  );
  return here.map((value, i) => value + (step?.[free.indexOf(i)] ?? 0));
}

function within(values: readonly number[], { low, high }: Bounds): number[] {
  return values.map((value, i) => Math.min(Math.max(value, at(low, i)), at(high, i)));
}

/** Gaussian elimination with row exchange; null for a singular matrix. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] | null {
  const rows = matrix.map((row, i) => [...row, at(right, i)]);
  for (let column = 0; column < rows.length; column++) {
    const pivot = rows.slice(column).reduce((a, b) => (Math.abs(at(b, column)) > Math.abs(at(a, column)) ? b : a));
    if (Math.abs(at(pivot, column)) < 1e-300) return null;
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
  for (let i = 0; i < a.length; i++) sum += at(a, i) * at(b, i);
  return sum;
}

function sumOver<Item>(items: readonly Item[], value: (item: Item, index: number) => number): number {
  return items.reduce((sum, item, i) => sum + value(item, i), 0);
}

/** Indices here never leave their arrays. */
function at<Item>(items: readonly Item[], index: number): Item {
  return items[index] as Item;
}
