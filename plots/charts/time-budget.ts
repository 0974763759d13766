import type { SummaryRow } from '../../bench/tables/summary-columns.js';
import { byCorpus, byWorkload, configurationName } from '../captions.js';
import type { Chart, Spec } from '../chart.js';
import { shareBars } from '../share-bars.js';
import { bestOfEach, type Panel, strategyPanels } from '../strategy-panels.js';

const question = "Where does the workers' time go?";
const missing =
  "the workers' time inside the task is known for cpu work within the cores, and for other work";

/** The parts of a bar, left to right, in shades of one colour, because they are not strategies. */
const parts = [
  { name: 'work, at the pace it has alone', colour: '#1b4f72' },
  { name: 'slower tasks: shared caches, memory, cores', colour: '#5b8db1' },
  { name: 'imbalance: waiting for the busiest worker', colour: '#a9c4d8' },
  { name: 'dispatch, transfer, waiting', colour: '#d9d9d9' },
] as const;

interface Shares {
  readonly useful: number;
  /** One share per part. Their sum is 1. */
  readonly all: readonly number[];
}

/**
 * Splits the time that N workers have in a pass. The identity S/N = work × balance × availability makes their
 * product the useful part. The loss of each factor is its share of what the factors after it leave. A worker
 * with several documents in progress is in several tasks at once, so each of its places counts as one worker.
 */
function sharesOf({ work_efficiency, balance, per_worker, ...row }: SummaryRow): Shares | null {
  if (work_efficiency === null || balance === null || row.availability === null) return null;
  const availability = row.availability / (per_worker ?? 1);
  const busy = balance * availability;
  const useful = Math.min(work_efficiency, 1) * busy;
  const slower = Math.max(0, 1 - work_efficiency) * busy;
  return { useful, all: [useful, slower, availability * (1 - balance), 1 - availability] };
}

const timeBudget: Chart = {
  name: 'time-budget',
  question,
  table: { from: 'summaries', columns: ['work_efficiency', 'balance', 'availability', 'per_worker'] },
  caption: (data) =>
    byWorkload(
      data.summaries.filter(({ strategy, workers }) => strategy !== data.baseline && workers > 1),
      (rows) =>
        byCorpus(rows, (cells) => {
          let best: { cell: SummaryRow; useful: number } | null = null;
          const known = cells.filter((cell) => sharesOf(cell) !== null);
          for (const { cell } of bestOfEach(known, data)) {
            const useful = sharesOf(cell)?.useful ?? 0;
            if (best === null || useful > best.useful) best = { cell, useful };
          }
          if (best === null) return null;
          const share = Math.round(100 * best.useful);
          return `${configurationName(best.cell, data)} spends ${share} % on the work itself`;
        }),
    ),
  spec: (data) =>
    strategyPanels(data, {
      question,
      missing,
      subtitle: (kind) => `${kind} work: share of the workers' time`,
      shows: (cell) => cell.strategy !== data.baseline && sharesOf(cell) !== null,
      layers,
    }),
};

export default timeBudget;

function layers({ rows, y }: Panel): Spec[] {
  const bars = rows.map(({ label, cell }) => ({ label, shares: sharesOf(cell)?.all ?? [] }));
  return [shareBars({ parts, bars, y })];
}
