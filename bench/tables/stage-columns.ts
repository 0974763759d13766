import { cellColumns, runColumns } from './cell.js';
import { type Row, table } from './table.js';

/**
 * The table `stages.csv`, with one row per stage of each trial of a strategy that gives stages workers of
 * their own. Times are those of all workers of the stage together, over the timed passes.
 */
export const stageTable = table([
  ...runColumns,
  { name: 'round', type: 'number', about: 'round of the trial, as in `trials.csv`' },
  { name: 'order', type: 'number', about: 'place of the trial in its round, likewise' },
  ...cellColumns,
  {
    name: 'twin',
    type: 'text',
    empty: true,
    about: '`A/A` for the second measurement of a cell in a round, as in `trials.csv`',
  },
  { name: 'attempt', type: 'number', about: 'attempt of the trial, as in `trials.csv`' },
  { name: 'stage', type: 'text', about: 'name of the stage' },
  { name: 'place', type: 'number', about: 'place of the stage in its task, from 1' },
  {
    name: 'stage_workers',
    type: 'number',
    about: 'workers of the stage at the end of the trial; `workers` is the sum over its stages',
  },
  { name: 'wall_ms', type: 'number', about: 'wall time of all timed passes together, milliseconds' },
  { name: 'stage_documents', type: 'number', about: 'values that the stage finished' },
  { name: 'bytes', type: 'number', about: 'size of the values that the stage took' },
  { name: 'busy_ms', type: 'number', about: 'time in which workers ran the stage, milliseconds' },
  {
    name: 'blocked_ms',
    type: 'number',
    about: 'time in which workers had a result that no later stage had room for, milliseconds',
  },
  { name: 'idle_ms', type: 'number', about: 'time in which workers waited for values, milliseconds' },
]);

export type StageRow = Row<typeof stageTable>;

export const stageSchema = 1;
