import { perWorkerColumn, rttColumn, sourceColumn } from './cell.js';
import { type Row, table, together } from './table.js';

/** These columns are known for every comparison that is judged. */
const judged = [
  'ratio_low',
  'ratio_high',
  'hodges_lehmann',
  'minimum_detectable_ratio',
  'p_adjusted',
  'sign_flip_p',
] as const;

/** Each row of `comparisons.csv` compares a cell with another cell of its workload and corpus. */
export const comparisonTable = table(
  [
    { name: 'workload', type: 'text', about: 'workload of both cells' },
    { name: 'corpus', type: 'text', about: 'corpus of both cells' },
    { ...sourceColumn, about: 'source of both cells, as in `trials.csv`' },
    { name: 'strategy', type: 'text', about: 'strategy of the compared cell' },
    { name: 'workers', type: 'number', about: 'workers of the compared cell' },
    { name: 'delivery', type: 'text', about: 'delivery of the compared cell' },
    { ...rttColumn, about: 'round-trip time of the compared cell, as in `trials.csv`' },
    perWorkerColumn,
    {
      name: 'twin',
      type: 'text',
      empty: true,
      about: '`A/A` if the compared cell is the reference, measured a second time in each round',
    },
    {
      name: 'reference',
      type: 'text',
      about:
        'the cell it is compared with: `sequential`, `best` (the highest rate of the workload and ' +
        'corpus), `limit` (the machine limit with as many workers) or `A/A`',
    },
    { name: 'reference_strategy', type: 'text', about: 'strategy of the reference' },
    { name: 'reference_workers', type: 'number', about: 'workers of the reference' },
    { name: 'reference_delivery', type: 'text', about: 'delivery of the reference' },
    { ...rttColumn, name: 'reference_rtt_ms', about: 'round-trip time of the reference' },
    {
      ...perWorkerColumn,
      name: 'reference_per_worker',
      about: 'documents at the same time in a worker of the reference; empty where it is one',
    },
    { name: 'rounds', type: 'number', about: 'number of pairs: rounds in which both cells were ok' },
    {
      name: 'ratio',
      type: 'number',
      about: 'rate of the compared cell ÷ rate of the reference, geometric mean over rounds',
    },
    {
      name: 'ratio_low',
      type: 'number',
      empty: true,
      about: 'lower end of the 95 % t interval on the paired log ratios; empty below two rounds',
    },
    { name: 'ratio_high', type: 'number', empty: true, about: 'upper end, likewise' },
    {
      name: 'calibrated_low',
      type: 'number',
      empty: true,
      about:
        'lower end of the 95 % interval that the choice is based on: variances are moderated over the ' +
        'workload and corpus, and the interval is calibrated by simulation; empty below two rounds ' +
        'and for `A/A`',
    },
    { name: 'calibrated_high', type: 'number', empty: true, about: 'upper end, likewise' },
    {
      name: 'hodges_lehmann',
      type: 'number',
      empty: true,
      about: 'the same ratio by the estimate of Hodges and Lehmann, which single bad rounds do not move',
    },
    {
      name: 'p_adjusted',
      type: 'number',
      empty: true,
      about:
        'p value of the paired t test, adjusted by Holm: against `sequential` over all cells compared ' +
        'with it, against `best` over all pairs; empty where the profile makes no such claim',
    },
    {
      name: 'sign_flip_p',
      type: 'number',
      empty: true,
      about: 'p value of the sign-flip test, not adjusted: a check',
    },
    {
      name: 'margin',
      type: 'number',
      about:
        'ratio below which a difference is of no use: 1.03, or twice the standard error of the A/A ' +
        'twin if that is larger',
    },
    {
      name: 'minimum_detectable_ratio',
      type: 'number',
      empty: true,
      about: 'ratio that this number of rounds, with this spread, would show with a probability of 80 %',
    },
    {
      name: 'outliers_mild',
      type: 'number',
      about: 'number of rounds whose ratio is more than 1.5 interquartile ranges away; they are kept',
    },
    {
      name: 'outliers_severe',
      type: 'number',
      about: 'number of rounds whose ratio is more than 3 interquartile ranges away; they are kept',
    },
    {
      name: 'verdict',
      type: 'text',
      empty: true,
      about:
        '`faster` or `slower` (adjusted p below 0.05 and the interval beyond the margin), ' +
        '`equivalent` (the interval within 3 %), `inconclusive`; empty where the profile makes ' +
        'no such claim',
    },
    {
      name: 'more_rounds',
      type: 'number',
      empty: true,
      about:
        'number of further rounds that would probably settle an inconclusive comparison; empty where ' +
        'none would',
    },
  ] as const,
  together('ratio_low', 'ratio_high', 'hodges_lehmann', 'minimum_detectable_ratio'),
  together('calibrated_low', 'calibrated_high'),
  [
    { is: { verdict: 'faster' }, known: judged, empty: ['more_rounds'] },
    { is: { verdict: 'slower' }, known: judged, empty: ['more_rounds'] },
    { is: { verdict: 'equivalent' }, known: judged, empty: ['more_rounds'] },
    { is: { verdict: 'inconclusive' }, known: judged },
    { empty: ['verdict', 'p_adjusted', 'sign_flip_p', 'more_rounds'] },
  ],
);

export type ComparisonRow = Row<typeof comparisonTable>;
