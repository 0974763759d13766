import { type Row, table } from '../tables/table.js';

/**
 * `regret.csv`: one row a task. Rates are the exhaustive run's, so that neither another time nor luck enters.
 */
export const regretTable = table([
  { name: 'task', type: 'text', about: 'the task' },
  { name: 'kind', type: 'text', about: '`cpu`, `io` or `mixed`, as measured' },
  { name: 'arms', type: 'number', about: 'configurations in the exhaustive run' },
  { name: 'rounds', type: 'number', about: 'its rounds' },
  { name: 'choice', type: 'text', about: 'what `pick` chose: strategy, workers, delivery' },
  {
    name: 'choice_rate',
    type: 'number',
    about: 'its documents a second in the exhaustive run, geometric mean',
  },
  { name: 'best', type: 'text', about: 'the configuration with the highest rate there' },
  { name: 'best_rate', type: 'number', about: 'its documents a second' },
  { name: 'regret', type: 'number', about: '1 − choice_rate ÷ best_rate' },
  {
    name: 'regret_high',
    type: 'number',
    empty: true,
    about: 'upper end of its 95 % t interval, paired by round',
  },
  { name: 'sequential_rate', type: 'number', about: 'documents a second of `sequential` there' },
  { name: 'pick_seconds', type: 'number', about: 'what `pick` took' },
  { name: 'exhaustive_seconds', type: 'number', about: 'what the exhaustive run took' },
  {
    name: 'promised_low',
    type: 'number',
    empty: true,
    about: 'lower end of what `pick` promised of a new run',
  },
  { name: 'promised_high', type: 'number', empty: true, about: 'upper end, likewise' },
] as const);

export type RegretRow = Row<typeof regretTable>;
