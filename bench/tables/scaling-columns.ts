import { sourceColumn } from './cell.js';
import { type Column, type Row, table } from './table.js';

const series = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  { name: 'corpus', type: 'text', about: 'corpus' },
  { ...sourceColumn, about: 'its source, as in `trials.csv`' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  { name: 'delivery', type: 'text', about: 'how documents reach a worker' },
] as const satisfies readonly Column[];

/** These columns are known wherever a model was fitted. */
const fitted = ['lambda', 'sigma', 'recommended_workers', 'reach_workers', 'residual_percent'] as const;

/**
 * The table `scaling.csv`, with one row per workload, corpus, strategy and delivery. A row says by
 * which law throughput follows the number of workers.
 */
export const scalingTable = table(
  [
    ...series,
    {
      name: 'levels',
      type: 'text',
      about:
        'numbers of workers that the fit is based on, separated by spaces; where nothing was fitted, ' +
        'the numbers that were measured',
    },
    { name: 'trials', type: 'number', about: 'number of trials with status `ok` at these levels' },
    {
      name: 'model',
      type: 'text',
      about:
        '`amdahl`: λN / (1 + σ(N − 1)); `usl`: λN / (1 + σ(N − 1) + κN(N − 1)); `capped`: `amdahl` up ' +
        'to the cap, then a loss of δ per doubling; `none`: the reason is in `reason`',
    },
    {
      name: 'reason',
      type: 'text',
      empty: true,
      about: 'what the data did not allow to estimate: a model, a peak, intervals',
    },
    { name: 'lambda', type: 'number', empty: true, about: 'λ, documents per second of one worker' },
    {
      name: 'lambda_low',
      type: 'number',
      empty: true,
      about:
        'lower end of the 95 % bootstrap interval over rounds (expanded percentiles); empty below ' +
        'five rounds',
    },
    { name: 'lambda_high', type: 'number', empty: true, about: 'upper end, likewise' },
    {
      name: 'sigma',
      type: 'number',
      empty: true,
      about: 'σ, share of the work that only one worker can do at a time, 0 to 1',
    },
    { name: 'sigma_low', type: 'number', empty: true, about: 'lower end of the 95 % interval, likewise' },
    { name: 'sigma_high', type: 'number', empty: true, about: 'upper end' },
    { name: 'kappa', type: 'number', empty: true, about: 'κ, cost of each pair of workers; `usl` only' },
    { name: 'kappa_low', type: 'number', empty: true, about: 'lower end of the 95 % interval, likewise' },
    { name: 'kappa_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'delta',
      type: 'number',
      empty: true,
      about: 'δ: each doubling of the workers beyond the cap multiplies throughput by 2^−δ; `capped` only',
    },
    { name: 'delta_low', type: 'number', empty: true, about: 'lower end of the 95 % interval, likewise' },
    { name: 'delta_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'cap',
      type: 'number',
      empty: true,
      about:
        'number of workers that can run at once: the effective cores for `cpu` work, fitted ' +
        'otherwise; `capped` only',
    },
    {
      name: 'cap_low',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % interval, likewise; empty where the cap is given',
    },
    { name: 'cap_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'peak_workers',
      type: 'number',
      empty: true,
      about:
        'whole number of workers with the highest modelled throughput; empty if the data show no peak ' +
        'up to `reach_workers`',
    },
    { name: 'peak_low', type: 'number', empty: true, about: 'lower end of the 95 % interval, likewise' },
    { name: 'peak_high', type: 'number', empty: true, about: 'upper end' },
    {
      name: 'recommended_workers',
      type: 'number',
      empty: true,
      about:
        'smallest number of workers, in the range of the levels, whose modelled throughput is within ' +
        '3 % of the best there',
    },
    {
      name: 'reach_workers',
      type: 'number',
      empty: true,
      about: 'largest number of workers that the model is evaluated at',
    },
    {
      name: 'residual_percent',
      type: 'number',
      empty: true,
      about: 'standard deviation of the trials around the curve, percent of their throughput',
    },
    {
      name: 'aicc',
      type: 'number',
      empty: true,
      about:
        'corrected Akaike criterion over trials (residuals of logarithms); the model with the ' +
        'smallest value was chosen',
    },
    {
      name: 'memory_base_bytes',
      type: 'number',
      empty: true,
      about:
        'peak memory without any worker, from a least squares line of the peaks against the numbers ' +
        'of workers; empty below three numbers',
    },
    {
      name: 'memory_per_worker_bytes',
      type: 'number',
      empty: true,
      about: 'memory that each worker adds; empty where it cannot be distinguished from 0',
    },
    {
      name: 'memory_workers_most',
      type: 'number',
      empty: true,
      about: 'largest number of workers that fit into 80 % of the available memory, by the same line',
    },
  ] as const,
  [
    { is: { model: 'none' }, known: ['reason'], empty: fitted },
    { is: { model: 'amdahl' }, known: fitted, empty: ['kappa', 'delta', 'cap'] },
    { is: { model: 'usl' }, known: [...fitted, 'kappa'], empty: ['delta', 'cap'] },
    { is: { model: 'capped' }, known: [...fitted, 'delta', 'cap'], empty: ['kappa'] },
  ],
);

/**
 * The table `projections.csv` has a row per suggested cell, and a row per model and requested number of
 * workers.
 */
export const projectionTable = table([
  ...series,
  {
    name: 'workers',
    type: 'number',
    about: 'number of worker threads or processes; for `async`, documents in flight',
  },
  { name: 'documents_per_second', type: 'number', about: 'measured or modelled throughput' },
  {
    name: 'documents_per_second_low',
    type: 'number',
    about:
      'lower end of the 95 % prediction interval, which contains the throughput of a new run, with ' +
      'its noise',
  },
  { name: 'documents_per_second_high', type: 'number', about: 'upper end, likewise' },
  {
    name: 'documents',
    type: 'number',
    about: 'number of documents to be processed; it was requested, not measured',
  },
  { name: 'hours', type: 'number', about: 'documents ÷ documents_per_second, hours, without start-up' },
  { name: 'hours_low', type: 'number', about: 'the same at documents_per_second_high' },
  { name: 'hours_high', type: 'number', about: 'the same at documents_per_second_low' },
  {
    name: 'deadline_hours',
    type: 'number',
    about: 'time in which the documents are to be processed, hours; it was requested, too',
  },
  {
    name: 'machines',
    type: 'number',
    about:
      'number of such machines that this takes, if each has a part of the documents and of what ' +
      'they wait for: hours ÷ deadline_hours, rounded up',
  },
  { name: 'machines_low', type: 'number', about: 'the same at hours_low' },
  { name: 'machines_high', type: 'number', about: 'the same at hours_high' },
  {
    name: 'model',
    type: 'text',
    about:
      '`measured`: the suggested strategy at the number of workers it was measured with; else the ' +
      'model, as in `scaling.csv`',
  },
  {
    name: 'extrapolated',
    type: 'boolean',
    about: 'whether the number of workers is beyond the largest level that the model was fitted to',
  },
] as const);

export type ScalingRow = Row<typeof scalingTable>;
export type ProjectionRow = Row<typeof projectionTable>;
