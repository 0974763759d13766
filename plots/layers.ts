import { counted } from '../bench/words/units.js';
import type { Spec } from './chart.js';
import type { Panel } from './grid.js';
import { lookChannels } from './looks.js';
import { bandColour, referenceColour } from './style.js';

/** The marks of charts over workers. Each function returns the layers of a panel, or none without data. */

/** Draws a line per strategy, the interval of each value, and a point on top. */
export function series(panel: Panel): Spec[] {
  const { x, y } = axes(panel);
  const { color, shape } = lookChannels(panel.looks);
  const interval = { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color };
  return [
    {
      transform: [{ filter: { not: baselineOnly(panel) } }],
      layer: [
        { mark: { type: 'line', strokeWidth: 1.5 }, encoding: { x, y, color } },
        {
          transform: [{ filter: hasInterval }],
          mark: { type: 'rule', strokeWidth: 1.5 },
          encoding: interval,
        },
        {
          mark: { type: 'point', filled: true, opacity: 1, size: 50 },
          encoding: { x, y, color, shape, tooltip: tooltip(panel) },
        },
      ],
    },
  ];
}

/**
 * Draws the baseline as a rule across the panel, because it is compared at every worker count, on its
 * interval.
 */
export function baselineRule(panel: Panel): Spec[] {
  const { y } = axes(panel);
  return [
    {
      transform: [{ filter: { and: [baselineOnly(panel), { field: 'value', valid: true }] } }],
      layer: [
        {
          transform: [{ filter: hasInterval }],
          mark: { type: 'rect', color: bandColour },
          // The band starts at pixel 1, so that the axis stays visible.
          encoding: {
            x: { value: 1 },
            x2: { value: 'width' },
            y: { ...y, field: 'low' },
            y2: { field: 'high' },
          },
        },
        {
          mark: { type: 'rule', strokeDash: [6, 4], strokeWidth: 1.5 },
          encoding: { y, color: lookChannels(panel.looks).color, tooltip: tooltip(panel) },
        },
      ],
    },
  ];
}

/** Draws a rule at the number of cores. A number outside the measured worker counts gets none. */
export function coresRule({ effectiveCores, workers }: Panel): Spec[] {
  if (effectiveCores < Math.min(...workers) || effectiveCores > Math.max(...workers)) return [];
  const cores = Number(effectiveCores.toFixed(2));
  const text = counted(cores, 'core');
  const x = { field: 'cores', type: 'quantitative' };
  return [
    {
      data: { values: [{ cores }] },
      layer: [
        {
          mark: { type: 'rule', color: referenceColour, strokeDash: [1, 3], strokeWidth: 1.5 },
          encoding: { x },
        },
        {
          mark: { type: 'text', color: referenceColour, baseline: 'bottom', dy: -3, fontSize: 10, text },
          encoding: { x, y: { value: 0 } },
        },
      ],
    },
  ];
}

/** Draws the line that a perfect strategy would reach, with a label at its end. */
export function idealLine({ workers, effectiveCores, measure: { ideal } }: Panel): Spec[] {
  if (ideal === undefined) return [];
  const first = workers[0] as number;
  const last = workers.at(-1) as number;
  // On a logarithmic x axis y = x is a curve. It gets 8 points per octave, and one where the cores bend it.
  const steps = Math.ceil(Math.log2(last / first) * 8);
  const counts = Array.from({ length: steps }, (_, i) => first * 2 ** (i / 8)).concat(last);
  if (effectiveCores > first && effectiveCores < last) counts.push(effectiveCores);
  const values = counts
    .toSorted((a, b) => a - b)
    .map((count) => ({ workers: rounded(count), ideal: rounded(ideal(count)) }));
  const x = { field: 'workers', type: 'quantitative' };
  const y = { field: 'ideal', type: 'quantitative' };
  return [
    {
      data: { values },
      layer: [
        {
          mark: { type: 'line', color: referenceColour, strokeDash: [3, 3], strokeWidth: 1.5 },
          encoding: { x, y },
        },
        {
          transform: [{ filter: { field: 'workers', equal: rounded(last) } }],
          mark: { type: 'text', color: referenceColour, align: 'left', dx: 16, fontSize: 10, text: 'ideal' },
          encoding: { x, y },
        },
      ],
    },
  ];
}

const baselineOnly = ({ baseline }: Panel): Spec => ({ field: 'strategy', equal: baseline ?? '' });
const hasInterval = {
  and: [
    { field: 'low', valid: true },
    { field: 'high', valid: true },
  ],
};

/** Other layers of the panel inherit these axes and do not repeat scale and ticks. */
function axes({ workers, domain }: Panel): { x: Spec; y: Spec } {
  return {
    x: {
      field: 'x',
      type: 'quantitative',
      title: 'workers',
      scale: { type: 'log', base: 2, domain: domain.x, nice: false },
      axis: { values: workers, format: 'd', grid: false },
    },
    y: {
      field: 'value',
      type: 'quantitative',
      title: null,
      scale: { domain: domain.y, nice: true },
      axis: { tickCount: 5 },
    },
  };
}

function tooltip({ measure }: Panel): Spec[] {
  const format = ',.3~r';
  const fields: Spec[] = [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'value', type: 'quantitative', title: measure.title, format },
  ];
  if (measure.interval === undefined) return fields;
  const ends = ['low', 'high'].map((field) => ({
    field,
    type: 'quantitative',
    title: `95 % interval, ${field}`,
    format,
  }));
  return [...fields, ...ends];
}

function rounded(value: number): number {
  return Number(value.toPrecision(5));
}
