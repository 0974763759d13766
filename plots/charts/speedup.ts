import { ratio } from '../../bench/words/units.js';
import { byWorkload, configurationName, highest, isBeyondCores } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { grid, type Panel } from '../grid.js';
import { baselineRule, coresRule, idealLine, series } from '../layers.js';
import { referenceColour } from '../style.js';

const question = 'How much faster than sequential?';
const missing = 'sequential and another strategy must have valid trials';

const speedup: Chart = {
  name: 'speedup',
  question,
  table: { from: 'summaries', columns: ['speedup', 'speedup_low', 'speedup_high', 'karp_flatt'] },
  caption: (data) =>
    byWorkload(data.summaries, (rows) => {
      const credible = rows.filter((row) => row.strategy !== data.baseline && !isBeyondCores(row, data));
      const best = highest(credible, (row) => row.speedup);
      if (best === null) return null;
      return `at most ${ratio(best.value)}, by ${configurationName(best.row, data)} at ${best.row.corpus}`;
    }),
  spec: (data) =>
    grid(data, {
      question,
      missing,
      measure: ({ kind, effectiveCores }) => ({
        title: 'speed-up over sequential',
        value: (row) => row.speedup,
        interval: (row) => ({ low: row.speedup_low, high: row.speedup_high }),
        // Cores limit work that computes. Work that waits can wait as often at once as there are workers.
        ideal: kind === 'cpu' ? (workers) => Math.min(workers, effectiveCores) : (workers) => workers,
      }),
      sameY: true,
      layers: [model(data), baselineRule, coresRule, idealLine, series],
    }),
};

export default speedup;

/**
 * Draws the fitted scaling law of the strategy with the highest speed-up, if one could be fitted: its line,
 * and the band in which a new run is expected. Bands of all strategies would hide each other.
 */
function model({ summaries, projections, baseline }: ChartData): (panel: Panel) => Spec[] {
  return ({ workload, corpus, workers, domain }) => {
    const here = summaries.filter((row) => row.workload === workload && row.corpus === corpus);
    const best = highest(here, (row) => row.speedup)?.row;
    const rate = here.find(({ strategy }) => strategy === baseline)?.documents_per_second ?? null;
    if (best === undefined || rate === null) return [];
    const [fewest, most] = [Math.min(...workers), Math.max(...workers)];
    const values = projections
      .filter((row) => row.workload === workload && row.corpus === corpus && row.strategy === best.strategy)
      .filter((row) => row.model !== 'measured' && row.workers >= fewest && row.workers <= most)
      .map((row) => ({
        strategy: row.strategy,
        workers: row.workers,
        modelled: row.documents_per_second / rate,
        low: row.documents_per_second_low / rate,
        high: Math.min(row.documents_per_second_high / rate, domain.y[1]),
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
