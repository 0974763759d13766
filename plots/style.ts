import { textWidth } from './text-width.js';

/** How every chart looks: a strategy's colour and shape, fonts, axes. */

export interface Look {
  readonly colour: string;
  /** A Vega symbol: a name, or an SVG path in a box from -1 to 1. */
  readonly shape: string;
}

/**
 * At least 3:1 against white, and apart from each other with every common colour blindness: no two are nearer than
 * 7.9 (OKLab, × 100) with normal sight or when simulated after Machado et al. (2009). The shape is there for when that
 * is not enough.
 */
const looks: Readonly<Record<string, Look>> = {
  sequential: {
    colour: '#333333',
    shape: 'M0,-1M0,1M-1.4,-0.2L-0.3,-0.2L-0.3,0.2L-1.4,0.2ZM0.3,-0.2L1.4,-0.2L1.4,0.2L0.3,0.2Z',
  }, // two dashes, as tall as other symbols
  async: { colour: '#b8860b', shape: 'circle' },
  'thread-pool': { colour: '#00429d', shape: 'square' },
  'process-pool': { colour: '#00916a', shape: 'triangle-up' },
  partitioned: { colour: '#aa4499', shape: 'diamond' },
  queue: { colour: '#1f9bcf', shape: 'cross' },
  'self-scheduling': { colour: '#7f3b08', shape: 'triangle-down' },
};

/**
 * Beside the strategies, whose colours are taken: at least 3:1 against white, no two nearer than 5.8 among themselves or to
 * those (found by simulated annealing, measured as above). The shapes are all others than theirs.
 */
const peerLooks: Readonly<Record<string, Look>> = {
  piscina: {
    colour: '#1b61db',
    shape: 'M-1,-0.6L-0.6,-1L0,-0.4L0.6,-1L1,-0.6L0.4,0L1,0.6L0.6,1L0,0.4L-0.6,1L-1,0.6L-0.4,0Z',
  },
  tinypool: { colour: '#ed1852', shape: 'M-1,0L-0.5,-0.87L0.5,-0.87L1,0L0.5,0.87L-0.5,0.87Z' },
  poolifier: {
    colour: '#07687a',
    shape:
      'M0,-1L0.24,-0.32L0.95,-0.31L0.38,0.12L0.59,0.81L0,0.4L-0.59,0.81L-0.38,0.12L-0.95,-0.31L-0.24,-0.32Z', // a star
  },
  'workerpool-threads': { colour: '#e245b0', shape: 'M-0.9,-1L0.9,-1L-0.9,1L0.9,1Z' },
  'jest-worker-threads': { colour: '#6a7e05', shape: 'M-1,-0.9L1,0.9L1,-0.9L-1,0.9Z' },
  'thread-per-document': { colour: '#d87494', shape: 'M-1,0.5A1,1,0,0,1,1,0.5Z' },
  'post-message': { colour: '#161ae9', shape: 'M0,-1L1,0.2L1,1L0,-0.2L-1,1L-1,0.2Z' },
  workerpool: { colour: '#b9066c', shape: 'M0,-1L0.95,-0.31L0.59,0.81L-0.59,0.81L-0.95,-0.31Z' },
  'tinypool-processes': { colour: '#5a1e74', shape: 'M-1,-0.5A1,1,0,0,0,1,-0.5Z' },
  'jest-worker': { colour: '#596c07', shape: 'M0,1L1,-0.2L1,-1L0,0.2L-1,-1L-1,-0.2Z' },
};

const spareColours = ['#c2185b', '#5e3c99', '#5b7f00', '#767676'];
const spareShapes = [
  'triangle-right',
  'triangle-left',
  'M-1,-0.45L1,-0.45L1,0.45L-1,0.45Z',
  'M-0.45,-1L0.45,-1L0.45,1L-0.45,1Z',
];

/** The look of each strategy, in the order given. Names without a look of their own get spare ones, in that order. */
export function looksOf(strategies: readonly string[]): Map<string, Look> {
  const known = (name: string) =>
    Object.hasOwn(looks, name) ? looks[name] : Object.hasOwn(peerLooks, name) ? peerLooks[name] : undefined;
  const unknown = strategies.filter((name) => known(name) === undefined);
  return new Map(strategies.map((name) => [name, known(name) ?? spareLook(unknown.indexOf(name))]));
}

/** Sixteen different pairs: after each pass over the colours the shapes move on by one. */
function spareLook(index: number): Look {
  const pass = Math.floor(index / spareColours.length);
  const colour = spareColours[index % spareColours.length] as string;
  const shape = spareShapes[(index + pass) % spareShapes.length] as string;
  return { colour, shape };
}

/** For what is not data: reference lines and their labels. 5.7:1 against white. */
export const referenceColour = '#666666';
/** Pale enough for every colour to stand out on it; says nothing on its own. */
export const bandColour = '#e8e8e8';

const text = '#222222';
const line = '#999999';

/** The fewest lines that fit into the width, filled evenly. */
export function legendColumns(labels: readonly string[], width: number): number {
  const symbolAndGap = 30; // as drawn with the sizes below
  const widths = labels.map((label) => textWidth(label, { fontSize: 11, bold: false }) + symbolAndGap);
  for (let lines = 1; lines < labels.length; lines++) {
    const columns = Math.ceil(labels.length / lines);
    // Vega fills line by line, and a column is as wide as its widest label.
    const needed = Array.from({ length: columns }, (_, column) =>
      Math.max(...widths.filter((_, i) => i % columns === column)),
    );
    if (needed.reduce((sum, each) => sum + each, 0) <= width) return columns;
  }
  return 1;
}

export const config = {
  background: '#ffffff', // a README may be dark; a transparent chart would vanish on it
  font: 'DejaVu Sans, Verdana, sans-serif', // Verdana is as wide, so that the measured widths hold for both
  padding: 10,
  aria: false, // the root is one image with a title; hundreds of labelled symbols help nobody
  view: { stroke: null },
  axis: {
    domainColor: line,
    gridColor: '#e4e4e4',
    labelColor: text,
    labelFontSize: 11,
    tickColor: line,
    tickSize: 4,
    titleColor: text,
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  axisY: { minExtent: 46 }, // room for 10,000 in every panel, so that those of different rows stand below each other
  legend: {
    labelColor: text,
    labelFontSize: 11,
    orient: 'top',
    symbolSize: 70,
    symbolStrokeWidth: 2,
    title: null,
  },
  title: {
    anchor: 'start',
    color: text,
    fontSize: 13,
    subtitleColor: text,
    subtitleFontSize: 11,
    subtitlePadding: 4,
  },
};
