import { counted, listed } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';

const row: Row = {
  id: 'nested-pool',
  level: 'warning',
  when:
    'the task has two or more threads or processes of its own at the same time, or leaves one open when ' +
    'its document is done',
  remedy:
    'let one of the two be parallel: give the task a pool of one, or none, and leave the documents to the ' +
    'workers; or keep the pool and use one worker',
};

export default {
  rows: [row],
  find({ main: { nested }, share: { workers } }) {
    const { threads, processes, left } = nested;
    const own = threads + processes;
    if (own < 2 && left === 0) return [];
    const parts = [
      ...(threads === 0 ? [] : [counted(threads, 'thread')]),
      ...(processes === 0 ? [] : [processes === 1 ? '1 process' : `${processes} processes`]),
    ];
    const product = `${workers} × ${own} = ${workers * own}`;
    const each = workers === 1 ? 'the worker' : `each of ${workers} workers, one per core,`;
    return [found(row, `opens ${listed(parts)} of its own; ${each} opens as many, which makes ${product}`)];
  },
} satisfies Check;
