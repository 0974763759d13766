import { number } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';
import { median } from '../words.js';

/** Start-up is slow if it takes longer than this many documents … */
const minDocuments = 20;
/** … and if it takes longer than this. */
const minMs = 500;

const row: Row = {
  id: 'slow-start',
  level: 'note',
  when:
    'loading, `setup` and what the first document needs beyond the others take more than 0.5 s ' +
    'and more than 20 × the median document',
  remedy:
    'every worker pays it: use few workers that live long, and load in `setup` what all documents need; ' +
    'forkwise pick --batch counts the start',
};

export default {
  rows: [row],
  find({ main: { startupMs, passes } }) {
    const [first = [], second = []] = passes;
    const documentMs = median(second.map(({ taskMs }) => taskMs ?? 0));
    // The same document takes less the second time: the rest is what the task does late, once.
    const lazyMs = Math.max(0, (first[0]?.taskMs ?? 0) - (second[0]?.taskMs ?? 0));
    const startMs = startupMs + lazyMs;
    if (startMs < minMs || startMs < minDocuments * documentMs) return [];
    return [
      found(
        row,
        `a worker needs ${number(startMs / 1e3)} s until it is ready, as long as ` +
          `${number(startMs / Math.max(documentMs, 1e-3))} documents`,
      ),
    ];
  },
} satisfies Check;
