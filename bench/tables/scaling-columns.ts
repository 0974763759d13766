import { type Column, type Row, table } from './table.js';

const series = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'corpus' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker' },
] as const satisfies readonly Column[];

/** One row a workload, corpus, strategy and delivery: the law its throughput follows over its numbers of workers. */

const fitted = ['lambda', 'sigma', 'recommended_workers', 'reach_workers', 'residual_percent'] as const;

export const scalingTable = table(
  [
    ...series,
    {
      name: 'levels',
      type: 'text',
      about:
        'numbers of workers that the fit rests on, separated by spaces; where nothing was fitted, those measured',
    },
    { name: 'trials', type: 'number', about: 'trials with status `ok` at these levels' },
    {
      name: 'model',
      type: 'text',
      about:
        '`amdahl`: λN / (1 + σ(N − 1)); `usl`: λN / (1 + σ(N − 1) + κN(N − 1)); `capped`: `amdahl` up to the cap, above it a loss of δ a doubling; `none`: the reason is in `reason`',
    },
    {
      name: 'reason',
      type: 'text',
      empty: true,
      about: 'what the data did not allow: a model, a peak, intervals',
    },
    { name: 'lambda', type: 'number', empty: true, about: 'λ, documents per second of one worker' },
    {
      name: 'lambda_low',
      type: 'number',
      empty: true,
      about:
        'lower end of its 95 % bootstrap interval over rounds (expanded percentiles); empty below five rounds',
    },
    { name: 'lambda_high', type: 'number', empty: true, about: 'upper end, likewise' },
    {
      name: 'sigma',
      type: 'number',
      empty: true,
      about: 'σ, the share of the work that only one worker can do at a time, 0 to 1',
    },
    { name: 'sigma_low', type: 'number', empty: true, about: 'lower end of its 95 % interval, likewise' },
    { name: 'sigma_high', type: 'number', empty: true, about: 'upper end' },
    { name: 'kappa', type: 'number', empty: true, about: 'κ, the cost of each pair of workers; `usl` only' },
    { name: 'kappa_low', type: 'number', empty: true, about: 'lower end of its 95 % interval, likewise' },
    { name: 'kappa_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'delta',
      type: 'number',
      empty: true,
      about: 'δ: each doubling of the workers beyond the cap multiplies throughput by 2^−δ; `capped` only',
    },
    { name: 'delta_low', type: 'number', empty: true, about: 'lower end of its 95 % interval, likewise' },
    { name: 'delta_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'cap',
      type: 'number',
      empty: true,
      about:
        'workers that can be at work at once: the effective cores on `cpu` work, fitted otherwise; `capped` only',
    },
    {
      name: 'cap_low',
      type: 'number',
      empty: true,
      about: 'lower end of its 95 % interval, likewise; empty where the cap is given',
    },
    { name: 'cap_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'peak_workers',
      type: 'number',
      empty: true,
      about:
        'whole number of workers with the highest modelled throughput; empty: no peak up to `reach_workers`, as far as the data can tell',
    },
    { name: 'peak_low', type: 'number', empty: true, about: 'lower end of its 95 % interval, likewise' },
    { name: 'peak_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'recommended_workers',
      type: 'number',
      empty: true,
      about:
        'fewest workers, among the levels’ range, whose modelled throughput is within 3 % of the best there',
    },
    {
      name: 'reach_workers',
      type: 'number',
      empty: true,
      about: 'largest number of workers that the model is asked about',
    },
    {
      name: 'residual_percent',
      type: 'number',
      empty: true,
      about: 'standard deviation of a trial about the curve, percent of its throughput',
    },
    {
      name: 'aicc',
      type: 'number',
      empty: true,
      about:
        'corrected Akaike criterion over trials (residuals of logarithms): the model with the least was chosen',
    },
    {
      name: 'memory_base_bytes',
      type: 'number',
      empty: true,
      about:
        'peak memory without any worker, by the least squares line of the peaks against the numbers of workers; empty below three of them',
    },
    {
      name: 'memory_per_worker_bytes',
      type: 'number',
      empty: true,
      about: 'what each worker adds to it; empty where that cannot be told from 0',
    },
    {
      name: 'memory_workers_most',
      type: 'number',
      empty: true,
      about: 'most workers that fit into 80 % of the memory there is, by the same line',
    },
  ] as const,
  [
    { is: { model: 'none' }, known: ['reason'], empty: fitted },
    { is: { model: 'amdahl' }, known: fitted, empty: ['kappa', 'delta', 'cap'] },
    { is: { model: 'usl' }, known: [...fitted, 'kappa'], empty: ['delta', 'cap'] },
    { is: { model: 'capped' }, known: [...fitted, 'delta', 'cap'], empty: ['kappa'] },
  ],
);

/** One row a suggested cell, and one a model and asked-for number of workers. */
export const projectionTable = table([
  ...series,
  { name: 'workers', type: 'number', about: 'threads or processes at work, for `async` documents in flight' },
  { name: 'documents_per_second', type: 'number', about: 'measured or modelled throughput' },
  {
    name: 'documents_per_second_low',
    type: 'number',
    about:
      'lower end of the 95 % prediction interval: where the throughput of a new run lies, its noise included',
  },
  { name: 'documents_per_second_high', type: 'number', about: 'upper end, likewise' },
  {
    name: 'documents',
    type: 'number',
    about: 'documents to be done: the number that was asked about, not one that was measured',
  },
  { name: 'hours', type: 'number', about: 'documents ÷ documents_per_second, hours; without start-up' },
  { name: 'hours_low', type: 'number', about: 'at documents_per_second_high' },
  { name: 'hours_high', type: 'number', about: 'at documents_per_second_low' },
  { name: 'deadline_hours', type: 'number', about: 'in which they are to be done: asked about, too' },
  {
    name: 'machines',
    type: 'number',
    about:
      'how many such machines that takes, each with its part of the documents and what they wait for: hours ÷ deadline_hours, rounded up',
  },
  { name: 'machines_low', type: 'number', about: 'at hours_low' },
  { name: 'machines_high', type: 'number', about: 'at hours_high' },
  {
    name: 'model',
    type: 'text',
    about:
      '`measured`: the suggested strategy at the number of workers it was measured with; else the model, as in the table of scaling',
  },
  {
    name: 'extrapolated',
    type: 'boolean',
    about: 'whether it lies beyond the largest level that the model was fitted to',
  },
] as const);

export type ScalingRow = Row<typeof scalingTable>;
export type ProjectionRow = Row<typeof projectionTable>;
