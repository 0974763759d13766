import { type Row, table } from './table.js';

/** `comparisons.csv`: one row a comparison of a cell with another one of its workload and corpus. */
export const comparisonTable = table([
  { name: 'workload', type: 'text', about: 'workload of both cells' },
  { name: 'corpus', type: 'text', about: 'corpus of both cells' },
  { name: 'strategy', type: 'text', about: 'the contender' },
  { name: 'workers', type: 'number', about: 'the contender’s workers' },
  { name: 'delivery', type: 'text', about: 'the contender’s delivery' },
  {
    name: 'twin',
    type: 'text',
    empty: true,
    about: '`A/A` where the contender is the reference measured a second time in each round',
  },
  {
    name: 'reference',
    type: 'text',
    about:
      'what it is compared with: `sequential`, `best` (the highest rate of the workload and corpus) or `A/A`',
  },
  { name: 'reference_strategy', type: 'text', about: 'the reference' },
  { name: 'reference_workers', type: 'number', about: 'the reference’s workers' },
  { name: 'reference_delivery', type: 'text', about: 'the reference’s delivery' },
  { name: 'rounds', type: 'number', about: 'rounds in which both were ok: the pairs' },
  {
    name: 'ratio',
    type: 'number',
    about: 'rate of the contender ÷ rate of the reference, geometric mean over rounds',
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
      'lower end of the 95 % interval that the choice rests on: variances moderated over the workload and corpus, calibrated by simulation; empty below two rounds and for `A/A`',
  },
  { name: 'calibrated_high', type: 'number', empty: true, about: 'upper end, likewise' },
  {
    name: 'hodges_lehmann',
    type: 'number',
    empty: true,
    about: 'the same ratio by Hodges and Lehmann’s estimate, unmoved by single bad rounds',
  },
  {
    name: 'p_adjusted',
    type: 'number',
    empty: true,
    about:
      'of the paired t test, by Holm: against `sequential` over its contenders, against `best` over all pairs; empty where the profile makes no such claim',
  },
  { name: 'sign_flip_p', type: 'number', empty: true, about: 'of the sign-flip test, not adjusted: a check' },
  {
    name: 'margin',
    type: 'number',
    about:
      'ratio below which a difference is of no use: 1.03, or what twice the standard error of the A/A twin comes to if that is more',
  },
  {
    name: 'minimum_detectable_ratio',
    type: 'number',
    empty: true,
    about: 'ratio that so many rounds with this spread would show with a chance of 80 %',
  },
  {
    name: 'outliers_mild',
    type: 'number',
    about: 'rounds whose ratio lies beyond 1.5 interquartile ranges; kept',
  },
  { name: 'outliers_severe', type: 'number', about: 'beyond 3; kept' },
  {
    name: 'verdict',
    type: 'text',
    empty: true,
    about:
      '`faster` or `slower` (adjusted p below 0.05 and the interval beyond the margin), `equivalent` (the interval inside it), `inconclusive`; empty where the profile makes no such claim',
  },
  {
    name: 'more_rounds',
    type: 'number',
    empty: true,
    about: 'rounds that would probably settle what is inconclusive; empty where none would',
  },
] as const);

export type ComparisonRow = Row<typeof comparisonTable>;
