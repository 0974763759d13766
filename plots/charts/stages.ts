import type { StageRow } from '../../bench/tables/stage-columns.js';
import { configurationName } from '../captions.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { panelTitle, picture, unique } from '../picture.js';
import { type ShareBar, shareBars } from '../share-bars.js';
import { bestOfEach } from '../strategy-panels.js';

const question = 'Where does the time of each stage go?';
const missing = 'no stages with workers of their own were measured';

/** The parts of a bar, left to right. */
const parts = [
  { name: 'busy with a value', colour: '#1b4f72' },
  { name: 'values on their way', colour: '#a9c4d8' },
  { name: 'blocked: no room in the next stage', colour: '#d98c5f' },
  { name: 'idle: waiting for values', colour: '#d9d9d9' },
] as const;

/** A bar shows the time of all workers of one stage, over all trials of a configuration. */
interface Bar extends ShareBar {
  readonly stage: string;
}

interface Panel {
  readonly title: string;
  readonly subtitle: string;
  readonly bars: readonly Bar[];
}

const stages: Chart = {
  name: 'stages',
  question,
  optional: true,
  table: {
    from: 'stages',
    columns: [
      'stage',
      'stage_workers',
      'stage_documents',
      'bytes',
      'wall_ms',
      'busy_ms',
      'blocked_ms',
      'idle_ms',
    ],
  },
  caption,
  spec,
};

export default stages;

/** There is a panel for each workload and corpus, at the number of workers with the highest rate. */
function panelsOf(data: ChartData): Panel[] {
  const own = data.stages.filter(({ twin }) => twin === null);
  const key = ({ workload, corpus, strategy }: Pick<StageRow, 'workload' | 'corpus' | 'strategy'>) =>
    JSON.stringify([workload, corpus, strategy]);
  return unique(own.map(key)).flatMap((family): Panel[] => {
    const known = data.summaries.filter((row) => row.documents_per_second !== null && key(row) === family);
    const [best] = bestOfEach(known, data);
    if (best === undefined) return [];
    const rows = own.filter((row) => key(row) === family && row.workers === best.cell.workers);
    const { workload, corpus, configuration } = best.cell;
    return [
      {
        title: `${workload}, documents: ${corpus}`,
        subtitle: configurationName(best.cell, data) + (configuration === null ? '' : ` (${configuration})`),
        bars: barsOf(rows),
      },
    ];
  });
}

function barsOf(rows: readonly StageRow[]): Bar[] {
  const inOrder = [...rows].sort((a, b) => a.place - b.place);
  return unique(inOrder.map(({ stage }) => stage)).map((stage) => {
    const own = inOrder.filter((row) => row.stage === stage);
    const sumOf = (value: (row: StageRow) => number) => own.reduce((sum, row) => sum + value(row), 0);
    const [busy, blocked, idle] = [
      sumOf((row) => row.busy_ms),
      sumOf((row) => row.blocked_ms),
      sumOf((row) => row.idle_ms),
    ];
    // What is left of the workers' time is that of values which are sent and received.
    const total = Math.max(
      busy + blocked + idle,
      sumOf((row) => row.stage_workers * row.wall_ms),
    );
    return {
      stage,
      label: `${stage} × ${own.at(-1)?.stage_workers ?? 0}`,
      shares: [busy, total - busy - blocked - idle, blocked, idle].map((ms) =>
        total === 0 ? 0 : ms / total,
      ),
    };
  });
}

/** Names the stage whose workers are the busiest. */
function caption(data: ChartData): string | null {
  const panels = panelsOf(data);
  const clauses = panels.flatMap(({ title, bars: [first, ...rest] }) => {
    if (first === undefined) return [];
    const busiest = rest.reduce((a, b) => ((b.shares[0] ?? 0) > (a.shares[0] ?? 0) ? b : a), first);
    const share = Math.round(100 * (busiest.shares[0] ?? 0));
    const place = panels.length > 1 ? `${title}: ` : '';
    return [`${place}the busiest stage is ${busiest.stage}, ${share} % of its workers' time`];
  });
  return clauses.length === 0 ? null : clauses.join('; ');
}

function spec(data: ChartData): Spec {
  const panels = panelsOf(data);
  if (panels.length === 0) return picture(null, { question, missing });
  const width = 420;
  const body = {
    spacing: 24,
    vconcat: panels.map(({ title, subtitle, bars }) => ({
      title: { ...panelTitle(title, width), subtitle },
      width,
      height: bars.length * 24,
      layer: [layer(bars)],
    })),
  };
  return picture(body, { question, missing });
}

function layer(bars: readonly Bar[]): Spec {
  const y = {
    field: 'label',
    type: 'ordinal',
    sort: null,
    scale: { domain: bars.map(({ label }) => label) },
    title: null,
    axis: { ticks: false, domain: false, grid: false },
  };
  return shareBars({ parts, bars, y });
}
