import type { ComparisonRow } from '../../bench/tables/comparison-columns.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import type { Chart, ChartData, Spec } from '../chart.js';
import { logDomain } from '../log-axis.js';
import { type Look, lookChannels, looksIn } from '../looks.js';
import { picture, withLegend } from '../picture.js';
import { bandColour, referenceColour } from '../style.js';

const question = 'Can the run be trusted?';
const missing = 'no trial was valid';

const size = { width: 640, height: 220 };

/**
 * Draws each trial's rate against the mean of its cell, in the order of measurement, so that drift, steps and
 * outliers are visible. The A/A test is below it.
 */
const runOrder: Chart = {
  name: 'run-order',
  question,
  table: {
    from: 'trials',
    columns: [
      'round',
      'order',
      'status',
      'reason',
      'documents_per_second',
      'noise_steal_percent',
      'noise_others_percent',
    ],
  },
  caption({ trials, comparisons }) {
    if (trials.length === 0) return null;
    const count = (status: string) => trials.filter((trial) => trial.status === status).length;
    const twins = comparisons
      .filter((row) => row.reference === 'A/A')
      .map(({ workload, ratio }) => `${workload} measured against itself: ${ratio.toFixed(3)}`);
    return [`${trials.length} trials, ${count('void')} void, ${count('failed')} failed`, ...twins].join('; ');
  },
  spec(data) {
    const points = relative(data.trials);
    if (points.length === 0) return picture(null, { question, missing });
    const twins = twinsOf(data.comparisons);
    const looks = looksIn(
      data,
      [...data.summaries, ...data.trials].map(({ strategy }) => strategy),
    );
    const inOrder = trialsInOrder(data.trials, { points, looks });
    const vconcat = [inOrder, ...(twins.length === 0 ? [] : [againstItself(twins)])];
    return picture({ config: withLegend(looks, size.width), spacing: 24, vconcat }, { question, missing });
  },
};

export default runOrder;

interface Point {
  readonly place: number;
  readonly round: number;
  readonly ratio: number;
  readonly strategy: string;
  readonly cell: string;
  readonly status: string;
  readonly twin: boolean;
}

/** Trials with a rate, if their cell has a valid trial. */
function relative(trials: readonly TrialRow[]): Point[] {
  const means = new Map<string, { sum: number; count: number }>();
  for (const trial of trials) {
    if (trial.status !== 'ok' || trial.documents_per_second === null) continue;
    const mean = means.get(cellOf(trial)) ?? { sum: 0, count: 0 };
    means.set(cellOf(trial), { sum: mean.sum + Math.log(trial.documents_per_second), count: mean.count + 1 });
  }
  return trials.flatMap((trial, i): Point[] => {
    const mean = means.get(cellOf(trial));
    if (trial.documents_per_second === null || mean === undefined) return [];
    const { round, strategy, status, workload, corpus, workers } = trial;
    const ratio = Number((trial.documents_per_second / Math.exp(mean.sum / mean.count)).toPrecision(5));
    return [
      {
        place: i + 1,
        round,
        ratio,
        strategy,
        cell: `${workload} ${corpus} ${strategy} × ${workers}`,
        status,
        twin: trial.twin !== null,
      },
    ];
  });
}

function cellOf({ workload, corpus, strategy, workers, delivery }: TrialRow): string {
  return JSON.stringify([workload, corpus, strategy, workers, delivery]);
}

interface Drawn {
  readonly points: readonly Point[];
  readonly looks: ReadonlyMap<string, Look>;
}

function trialsInOrder(trials: ChartData['trials'], { points, looks }: Drawn): Spec {
  const rounds = trials.flatMap(({ round }, i) =>
    i > 0 && round !== trials[i - 1]?.round ? [{ place: i + 0.5 }] : [],
  );
  const x = {
    field: 'place',
    type: 'quantitative',
    title: 'trials in order',
    scale: { domain: [0, trials.length + 1], nice: false },
    axis: { grid: false, tickCount: 6, format: 'd' },
  };
  const domain = logDomain([1 / 1.1, 1.1, ...points.map(({ ratio }) => ratio)], 0.05);
  const y = {
    field: 'ratio',
    type: 'quantitative',
    title: null,
    scale: { type: 'log', base: 2, nice: false, domain },
    axis: { tickCount: 5, format: '.2~f' },
  };
  const { color, shape } = lookChannels(looks);
  const tooltip = [
    { field: 'cell', type: 'nominal', title: 'trial' },
    { field: 'round', type: 'quantitative' },
    { field: 'ratio', type: 'quantitative', format: '.3~f' },
    { field: 'status', type: 'nominal' },
  ];
  const layer = (values: readonly Point[], mark: Spec) =>
    values.length === 0
      ? []
      : [
          {
            data: { values },
            mark: { type: 'point', opacity: 1, size: 35, ...mark },
            encoding: { x, y, color, shape, tooltip },
          },
        ];
  const crowded = points.length > maxPoints;
  const reference = { mark: { type: 'rule', color: referenceColour, strokeDash: [3, 3] }, encoding: { y } };
  return {
    title: {
      text: 'rate of each trial ÷ mean of its cell',
      subtitle: `lines separate the rounds; hollow: void; ringed: A/A${crowded ? crowd : ''}`,
    },
    ...size,
    layer: [
      ...(crowded ? [middle(points, { x, y })] : []),
      ...(rounds.length === 0
        ? []
        : [{ data: { values: rounds }, mark: { type: 'rule', color: '#dddddd' }, encoding: { x } }]),
      { data: { values: [{ ratio: 1 }] }, ...reference },
      ...layer(
        points.filter(
          ({ status, ratio }) => status === 'ok' && (!crowded || Math.abs(Math.log(ratio)) > unusual),
        ),
        { filled: true },
      ),
      ...layer(
        points.filter(({ status }) => status !== 'ok'),
        { filled: false, strokeWidth: 1.5 },
      ),
      ...layer(
        points.filter(({ twin }) => twin),
        { filled: false, size: 110, strokeWidth: 1 },
      ),
    ],
  };
}

/** More points than this would hide each other and take megabytes. */
const maxPoints = 2000;
const unusual = Math.log(1.1);
const crowd = '; symbols: beyond 10 %, grey: where the middle 80 % lie';
const blocks = 80;

/** Draws where the middle 80 % of the trials are, for each of 80 stretches of the run. */
function middle(points: readonly Point[], { x, y }: { x: Spec; y: Spec }): Spec {
  const length = Math.ceil(points.length / blocks);
  const values = Array.from({ length: Math.ceil(points.length / length) }, (_, i) => {
    const block = points.slice(i * length, (i + 1) * length);
    const ratios = block.map(({ ratio }) => ratio).sort((a, b) => a - b);
    const at = (share: number) => ratios[Math.round(share * (ratios.length - 1))];
    return { place: block[0]?.place, end: block.at(-1)?.place, low: at(0.1), high: at(0.9) };
  });
  return {
    data: { values },
    mark: { type: 'rect', color: '#cccccc' },
    encoding: { x, x2: { field: 'end' }, y: { ...y, field: 'low' }, y2: { field: 'high' } },
  };
}

interface Twin {
  readonly label: string;
  readonly ratio: number;
  readonly low: number;
  readonly high: number;
  /** The margin reaches from `below` to `beyond`. */
  readonly below: number;
  readonly beyond: number;
}

/** Finds the comparisons of a cell with its own second measurement in every round. */
function twinsOf(comparisons: readonly ComparisonRow[]): Twin[] {
  return comparisons.flatMap((row): Twin[] => {
    const { reference, workload, corpus, strategy, workers, ratio, margin } = row;
    const { ratio_low: low, ratio_high: high } = row;
    if (reference !== 'A/A' || low === null || high === null) return [];
    const label = `${workload} ${corpus}, ${strategy} × ${workers}`;
    return [{ label, ratio, low, high, below: 1 / margin, beyond: margin }];
  });
}

/** Draws the twins. A ratio outside the margin would be noise that looks like a difference. */
function againstItself(values: readonly Twin[]): Spec {
  const ends = values.flatMap(({ low, high, beyond, below }) => [low, high, beyond, below]);
  const x = {
    type: 'quantitative',
    title: null,
    scale: { domain: [Math.min(...ends) * 0.99, Math.max(...ends) * 1.01], nice: false, zero: false },
    axis: { tickCount: 5, format: '.2~f', grid: false },
  };
  const axis = { ticks: false, domain: false, labelLimit: 300, orient: 'right' };
  const y = { field: 'label', type: 'ordinal', sort: null, title: null, axis };
  return {
    title: {
      text: 'A/A: a cell against itself',
      subtitle: 'ratio with its 95 % interval; grey: the margin, inside which a difference does not matter',
    },
    width: size.width - 260,
    height: values.length * 22,
    data: { values },
    layer: [
      {
        mark: { type: 'bar', height: { band: 0.9 }, color: bandColour },
        encoding: { x: { ...x, field: 'below' }, x2: { field: 'beyond' }, y },
      },
      {
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y },
      },
      {
        mark: { type: 'point', filled: true, opacity: 1, size: 50, color: '#333333' },
        encoding: { x: { ...x, field: 'ratio' }, y },
      },
    ],
  };
}
