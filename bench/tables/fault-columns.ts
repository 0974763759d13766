import { type Row, table } from './table.js';

/**
 * The table `faults.csv`, with one row per strategy and fault. A row says what was left when one
 * document, or one worker, went wrong in the midst of others.
 */

const counted = ['documents', 'lost', 'duplicates', 'others_failed', 'delayed_ms', 'leftovers'] as const;

export const faultTable = table(
  [
    { name: 'strategy', type: 'text', about: 'strategy' },
    {
      name: 'isolation',
      type: 'text',
      about: 'what separates a task from its caller: `none`, `thread`, `process`',
    },
    { name: 'fault', type: 'text', about: 'what went wrong' },
    { name: 'workers', type: 'number', about: 'number of workers' },
    {
      name: 'state',
      type: 'text',
      about:
        '`survived`: every document had its outcome and the caller lived; `refused`: opening failed ' +
        'with an error that says why; `not applicable`: the strategy cannot have this fault; `caller ' +
        'lost`: the process ended, or had to be ended; `broken`: a document was lost, or had two ' +
        'outcomes or a wrong one, or the fault never happened',
    },
    {
      name: 'by_design',
      type: 'boolean',
      about: 'whether this isolation cannot prevent it; only true for `caller lost`',
    },
    { name: 'documents', type: 'number', empty: true, about: 'number of documents that were pulled' },
    { name: 'lost', type: 'number', empty: true, about: 'number of pulled documents without an outcome' },
    {
      name: 'duplicates',
      type: 'number',
      empty: true,
      about: 'number of outcomes beyond the first of a document',
    },
    { name: 'fault_status', type: 'text', empty: true, about: 'status of the document that went wrong' },
    {
      name: 'others_failed',
      type: 'number',
      empty: true,
      about: 'number of other documents whose outcome was not `ok`',
    },
    {
      name: 'delayed_ms',
      type: 'number',
      empty: true,
      about:
        'longest time without any outcome, minus the longest such time without the fault, ' + 'milliseconds',
    },
    {
      name: 'recovered_ms',
      type: 'number',
      empty: true,
      about:
        'time from the fault until as many different workers as before have each finished a document, ' +
        'milliseconds; empty where that was not observed',
    },
    {
      name: 'leftovers',
      type: 'number',
      empty: true,
      about: 'number of processes, threads and descriptors that were left after the session was closed',
    },
    {
      name: 'reason',
      type: 'text',
      empty: true,
      about: 'how the caller ended, or the error that opening reported',
    },
  ] as const,
  [
    { is: { state: 'survived' }, known: counted, empty: ['reason'] },
    { is: { state: 'refused' }, known: ['lost', 'duplicates', 'leftovers', 'reason'] },
    { is: { state: 'not applicable' }, empty: ['fault_status', 'reason', ...counted] },
    { is: { state: 'caller lost' }, known: ['reason'], empty: ['fault_status', ...counted] },
    { is: { state: 'broken' }, known: ['lost', 'duplicates', 'leftovers'] },
  ],
);

export type FaultRow = Row<typeof faultTable>;
