import { ratio } from '../../bench/words/units.js';
import { byWorkload, cellName, highest } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { grid, type Panel } from '../grid.js';
import { coresRule, idealLine, sequentialRule, series } from '../layers.js';
import { referenceColour } from '../style.js';

const question = 'How much faster than sequential?';
const missing = 'sequential and another strategy must have valid trials';

const speedup: Chart = {
  name: 'speedup',
  question,
  table: { from: 'summaries', columns: ['speedup', 'speedup_low', 'speedup_high', 'karp_flatt'] },
  caption: ({ summaries }) =>
    byWorkload(summaries, (rows) => {
      const best = highest(rows, ({ speedup }) => speedup);
      return best === null
        ? null
        : `at most ${ratio(best.speedup as number)}, by ${cellName(best)} at ${best.corpus}`;
    }),
  spec: (data) =>
    grid(data, {
      question,
      missing,
      measure: ({ kind, effectiveCores }) => ({
        title: 'speed-up over sequential',
        value: (row) => row.speedup,
        interval: (row) => ({ low: row.speedup_low, high: row.speedup_high }),
        // Cores bound work that computes; of work that waits, as much can wait at once as there are workers.
        ideal: kind === 'cpu' ? (workers) => Math.min(workers, effectiveCores) : (workers) => workers,
      }),
      sameY: true,
      layers: [model(data), sequentialRule, coresRule, idealLine, series],
    }),
};

export default speedup;

/**
 * The fitted law of the strategy that gains most, where one could be fitted: its line, and the band in which a new run
 * would lie. Bands of all strategies would hide each other.
 */
function model({ summaries, projections }: ChartData): (panel: Panel) => Spec[] {
  return ({ workload, corpus, workers, domain }) => {
    const here = summaries.filter((row) => row.workload === workload && row.corpus === corpus);
    const best = highest(here, (row) => row.speedup);
    const baseline = here.find(({ strategy }) => strategy === 'sequential')?.documents_per_second ?? null;
    if (best === null || baseline === null) return [];
    const values = projections
      .filter((row) => row.model !== 'measured' && row.workload === workload && row.corpus === corpus)
      .filter(
        (row) =>
          row.strategy === best.strategy &&
          row.workers >= (workers[0] as number) &&
          row.workers <= (workers.at(-1) as number),
      )
      .map((row) => ({
        strategy: row.strategy,
        workers: row.workers,
        modelled: row.documents_per_second / baseline,
        low: row.documents_per_second_low / baseline,
        high: Math.min(row.documents_per_second_high / baseline, domain.y[1]),
      }));
    if (values.length < 2) return [];
    const x = { field: 'workers', type: 'quantitative' };
    const y = { field: 'modelled', type: 'quantitative' };
    return [
      {
        data: { values },
        layer: [
          {
            mark: { type: 'area', color: '#d9d9d9', opacity: 0.6 },
            encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
          },
          { mark: { type: 'line', color: referenceColour, strokeWidth: 1 }, encoding: { x, y } },
        ],
      },
    ];
  };
}
