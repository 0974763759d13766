import { mean, squares } from './estimate.js';
import { tQuantile } from './student-t.js';

export interface Line {
  readonly intercept: number;
  readonly slope: number;
  /** The slope's 95 % t interval extends this far to each side. */
  readonly slopeHalfWidth: number;
}

/** Fits the least squares line. Null below three points and if all points have the same x. */
export function line(points: readonly { readonly x: number; readonly y: number }[]): Line | null {
  const x = points.map((point) => point.x);
  const y = points.map((point) => point.y);
  const spread = squares(x);
  if (points.length < 3 || spread === 0) return null;
  const [middleX, middleY] = [mean(x), mean(y)];
  const slope = points.reduce((sum, point) => sum + (point.x - middleX) * (point.y - middleY), 0) / spread;
  const intercept = middleY - slope * middleX;
  const residuals = points.reduce((sum, point) => sum + (point.y - intercept - slope * point.x) ** 2, 0);
  const df = points.length - 2;
  return { intercept, slope, slopeHalfWidth: tQuantile(0.975, df) * Math.sqrt(residuals / df / spread) };
}
