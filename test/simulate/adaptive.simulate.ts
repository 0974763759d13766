import assert from 'node:assert/strict';
import { it } from 'node:test';
import { quantile } from '../../bench/stats/estimate.js';
import { type Score, scores } from '../../control/simulator/score.js';

/**
 * `npm run test:adaptive`: 100 seeds of every simulated service, with two levels of noise. A figure is kept
 * when it holds in 95 of them.
 */
const seeds = 100;
const enough = 0.95;

it('the number at work follows simulated loads', () => {
  const rows: string[][] = [];
  const missed: string[] = [];
  for (const noise of [0.05, 0.15]) {
    const figures = new Map<string, Score[]>();
    for (let seed = 1; seed <= seeds; seed++) {
      for (const score of scores(seed, noise)) {
        const key = `${score.model}: ${score.figure}`;
        const list = figures.get(key) ?? [];
        figures.set(key, [...list, score]);
      }
    }
    for (const [key, list] of figures) {
      const kept = list.filter((score) => score.kept).length;
      const values = list.map(({ value }) => value);
      const at = (q: number) => (quantile(values, q) as number).toFixed(3);
      const { model, figure } = list[0] as Score;
      rows.push([model, figure, `${100 * noise} %`, `${kept}/${list.length}`, at(0.05), at(0.5), at(0.95)]);
      if (kept < enough * list.length) missed.push(`${key}, ${100 * noise} % noise`);
    }
  }
  console.log(rows.map((row) => row.join(' | ')).join('\n'));
  assert.deepEqual(missed, []);
});
