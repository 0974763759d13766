import type { ChartData, Spec } from './chart.js';

/** A strategy's colour and shape. They are the same in every chart of a run. */

export interface Look {
  readonly colour: string;
  /** Names a Vega symbol, or is an SVG path in a box from -1 to 1. */
  readonly shape: string;
}

/**
 * Every colour has a contrast of at least 3:1 with white. Our own strategies are at least 7.9 apart (OKLab, ×
 * 100) with normal sight and with each colour blindness, simulated after Machado et al. (2009). The peers
 * were placed beside them by simulated annealing and are at least 5.8 apart. Shapes differ too, in case
 * colour is not enough.
 */
const looks: Readonly<Record<string, Look>> = {
  sequential: {
    colour: '#333333',
    // Two dashes, as tall as the other symbols.
    shape: 'M0,-1M0,1M-1.4,-0.2L-0.3,-0.2L-0.3,0.2L-1.4,0.2ZM0.3,-0.2L1.4,-0.2L1.4,0.2L0.3,0.2Z',
  },
  async: { colour: '#b8860b', shape: 'circle' },
  'thread-pool': { colour: '#00429d', shape: 'square' },
  'process-pool': { colour: '#00916a', shape: 'triangle-up' },
  partitioned: { colour: '#aa4499', shape: 'diamond' },
  queue: { colour: '#1f9bcf', shape: 'cross' },
  'self-scheduling': { colour: '#7f3b08', shape: 'triangle-down' },
  broker: { colour: '#5e3c99', shape: 'triangle-left' },
  hybrid: { colour: '#5b7f00', shape: 'M-1,0.7L0,-0.9L1,0.7L0,0.2Z' },
  pipeline: { colour: '#c2185b', shape: 'triangle-right' },
  piscina: {
    colour: '#1b61db',
    shape: 'M-1,-0.6L-0.6,-1L0,-0.4L0.6,-1L1,-0.6L0.4,0L1,0.6L0.6,1L0,0.4L-0.6,1L-1,0.6L-0.4,0Z',
  },
  tinypool: { colour: '#ed1852', shape: 'M-1,0L-0.5,-0.87L0.5,-0.87L1,0L0.5,0.87L-0.5,0.87Z' },
  poolifier: { colour: '#07687a', shape: star(5) },
  'workerpool-threads': { colour: '#e245b0', shape: 'M-0.9,-1L0.9,-1L-0.9,1L0.9,1Z' },
  'jest-worker-threads': { colour: '#6a7e05', shape: 'M-1,-0.9L1,0.9L1,-0.9L-1,0.9Z' },
  'thread-per-document': { colour: '#d87494', shape: 'M-1,0.5A1,1,0,0,1,1,0.5Z' },
  'post-message': { colour: '#161ae9', shape: 'M0,-1L1,0.2L1,1L0,-0.2L-1,1L-1,0.2Z' },
  workerpool: { colour: '#b9066c', shape: 'M0,-1L0.95,-0.31L0.59,0.81L-0.59,0.81L-0.95,-0.31Z' },
  'tinypool-processes': { colour: '#5a1e74', shape: 'M-1,-0.5A1,1,0,0,0,1,-0.5Z' },
  'jest-worker': { colour: '#596c07', shape: 'M0,1L1,-0.2L1,-1L0,0.2L-1,-1L-1,-0.2Z' },
  bullmq: { colour: '#9c6cfc', shape: 'M-1,-1L1,-1L1,-0.4L0.35,-0.4L0.35,1L-0.35,1L-0.35,-0.4L-1,-0.4Z' },
  'independent-processes': { colour: '#767676', shape: 'M-1,-0.45L1,-0.45L1,0.45L-1,0.45Z' },
};

const spareColours = ['#4a6a8a'] as const;
const spareShapes = ['M-0.45,-1L0.45,-1L0.45,1L-0.45,1Z'] as const;

/**
 * Series of the dispatch benchmark have a variant in brackets behind the strategy's name. They have the
 * colour of the strategy and the shape of the variant.
 */
const variantShapes: Readonly<Record<string, string>> = {
  'shared view': 'triangle-right',
  transferred: 'triangle-left',
  'by path': 'M-0.45,-1L0.45,-1L0.45,1L-0.45,1Z',
  'by resolve': star(6),
  runner: 'circle',
  'runner, shared view': 'triangle-right',
  batches: star(8),
  'batches, shared view': 'triangle-left',
  'batches, by path': 'M-0.45,-1L0.45,-1L0.45,1L-0.45,1Z',
  'batches, by resolve': star(6),
};

/** Other variants, such as deliveries, take these shapes in turn, after the shape of their strategy. */
const otherVariants = ['triangle-right', 'triangle-left', 'M-0.45,-1L0.45,-1L0.45,1L-0.45,1Z', 'circle'];

/**
 * The look of each strategy, in the order given. A name that the tables lack gets the next spare look.
 */
export function looksOf(strategies: readonly string[]): Map<string, Look> {
  const own = (name: string): Look | undefined => {
    if (Object.hasOwn(looks, name)) return looks[name];
    const { strategy, variant } = inParts(name);
    if (!Object.hasOwn(looks, strategy)) return undefined;
    const { colour, shape } = looks[strategy] as Look;
    if (Object.hasOwn(variantShapes, variant)) return { colour, shape: variantShapes[variant] as string };
    const siblings = strategies.filter((other) => other === strategy || inParts(other).strategy === strategy);
    const place = siblings.toSorted((a, b) => Number(b === strategy) - Number(a === strategy)).indexOf(name);
    const shapes = [shape, ...otherVariants.filter((other) => other !== shape)];
    return { colour, shape: shapes[place] ?? star(minSparePoints + place - shapes.length) };
  };
  const unknown = strategies.filter((name) => own(name) === undefined);
  return new Map(strategies.map((name) => [name, own(name) ?? spareLook(unknown.indexOf(name))]));
}

/** Takes a name such as `queue (path, 4 per worker)` apart; both parts are empty in any other name. */
function inParts(name: string): { readonly strategy: string; readonly variant: string } {
  const [, strategy = '', variant = ''] = /^([^(]+) \(([^()]+)\)$/.exec(name) ?? [];
  return { strategy, variant };
}

/**
 * The looks of the strategies that a chart shows, in the order of the run. Spare looks are given out over the
 * whole run, so that a strategy keeps its look in a chart that leaves out another one.
 */
export function looksIn(
  { summaries, trials }: Pick<ChartData, 'summaries' | 'trials'>,
  shown: Iterable<string>,
): Map<string, Look> {
  const drawn = new Set(shown);
  const all = looksOf([...new Set([...summaries, ...trials].map(({ strategy }) => strategy))]);
  return new Map([...all].filter(([strategy]) => drawn.has(strategy)));
}

/** Colour and shape of a mark as Vega-Lite encodings, with the scale that gives each strategy its own. */
export function lookChannels(looks: ReadonlyMap<string, Look>): {
  readonly color: Spec;
  readonly shape: Spec;
} {
  const channel = (key: keyof Look): Spec => {
    const range = [...looks.values()].map((look) => look[key]);
    return { field: 'strategy', type: 'nominal', scale: { domain: [...looks.keys()], range } };
  };
  return { color: channel('colour'), shape: channel('shape') };
}

/** The same for charts that name the strategies beside their marks instead of in a legend. */
export function lookChannelsWithoutLegend(looks: ReadonlyMap<string, Look>): {
  readonly color: Spec;
  readonly shape: Spec;
} {
  const { color, shape } = lookChannels(looks);
  return { color: { ...color, legend: null }, shape: { ...shape, legend: null } };
}

/**
 * Spare colours with spare shapes come first; every group of colours after them has a star of its own, with
 * more points than the star of a peer.
 */
function spareLook(index: number): Look {
  const group = Math.floor(index / spareColours.length);
  const place = index % spareColours.length;
  const colour = spareColours[place] ?? spareColours[0];
  const shape = group < spareShapes.length ? spareShapes[(place + group) % spareShapes.length] : undefined;
  return { colour, shape: shape ?? star(minSparePoints + group - spareShapes.length) };
}

const minSparePoints = 6;

/** A star as an SVG path. Its points reach 1, its notches 0.4. */
function star(points: number): string {
  const corners = Array.from({ length: 2 * points }, (_, i) => {
    const angle = (Math.PI * i) / points;
    const radius = i % 2 === 0 ? 1 : 0.4;
    const [x, y] = [radius * Math.sin(angle), -radius * Math.cos(angle)];
    return `${Number(x.toFixed(2))},${Number(y.toFixed(2))}`;
  });
  return `M${corners.join('L')}Z`;
}
