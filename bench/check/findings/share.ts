import { size } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';

const row: Row = {
  id: 'share',
  level: 'warning',
  when:
    'the most expensive documents need more memory than a worker’s share of the limit: 80 % of ' +
    '`--max-memory`, or of the memory there is, divided by the cores',
  remedy:
    'use fewer workers, or process such documents in pieces; a worker that grows beyond its share ' +
    'is ended, and its document crashes',
};

export default {
  rows: [row],
  find({ main: { memoryBytes }, share }) {
    if (memoryBytes <= share.bytes) return [];
    const workers = share.workers === 1 ? '1 worker' : `each of ${share.workers} workers`;
    const left = `the limit leaves ${size(share.bytes)} for ${workers}`;
    return [found(row, `a single document takes ${size(memoryBytes)}, and ${left}`)];
  },
} satisfies Check;
