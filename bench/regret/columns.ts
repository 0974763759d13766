import { type Row, table } from '../tables/table.js';

/** `regret.csv` has one row per task. Its rates are from the exhaustive run, so that no other luck enters. */
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
    about:
      'what the choice may give away at most: the highest upper end of 95 % t intervals, paired by round, ' +
      'over all others',
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

/**
 * `advice.csv` has one row per task, pass and number of rounds: what following the advice of `bench` costs.
 */
export const adviceTable = table([
  { name: 'task', type: 'text', about: 'the task' },
  { name: 'pass', type: 'text', about: '`quiet`, or `spinner`: another process took 30 % of a core' },
  {
    name: 'timing',
    type: 'text',
    about: '`quick`: trials as in that profile; `final`: as in the final of `pick`',
  },
  { name: 'rounds', type: 'number', about: 'rounds that the advice is from' },
  { name: 'draws', type: 'number', about: 'random choices of these rounds' },
  {
    name: 'best_gain',
    type: 'number',
    empty: true,
    about: 'rate of the best configuration ÷ rate of `sequential`, over all rounds',
  },
  { name: 'regret_median', type: 'number', about: 'share of the rate that the advice gives away, median' },
  { name: 'regret_p95', type: 'number', about: 'likewise, 95th percentile' },
  { name: 'regret_max', type: 'number', about: 'likewise, largest' },
  {
    name: 'luck_median',
    type: 'number',
    about: 'what the fastest configuration of all rounds gives away in the same comparison, median',
  },
  { name: 'sequential_share', type: 'number', about: 'share of the draws that advise `sequential`' },
] as const);

export type AdviceRow = Row<typeof adviceTable>;

/** `promises.csv` has one row per task and pick: whether programs over the whole folder kept the promise. */
export const promiseTable = table([
  { name: 'task', type: 'text', about: 'the task' },
  { name: 'seed', type: 'number', about: 'seed of the pick' },
  { name: 'choice', type: 'text', about: 'what it chose: strategy, workers, delivery' },
  { name: 'promised_low', type: 'number', empty: true, about: 'documents per second, lower end' },
  { name: 'promised_high', type: 'number', empty: true, about: 'upper end' },
  { name: 'programs', type: 'number', about: 'programs that ran the choice over the whole folder' },
  { name: 'held', type: 'number', about: 'how many of them were within the range' },
  { name: 'slowest', type: 'number', about: 'documents per second of the slowest program' },
  { name: 'fastest', type: 'number', about: 'documents per second of the fastest program' },
] as const);

export type PromiseRow = Row<typeof promiseTable>;
