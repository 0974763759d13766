import { number } from '../../words/units.js';
import { type Check, fine, found, type Row } from '../finding.js';
import type { DocumentFact } from '../probe-host.js';
import { names } from '../words.js';
import { late } from './loads.js';

const all: Row = {
  id: 'failures',
  level: 'error',
  when: 'the task fails on every document',
  remedy: 'use documents that the task is made for (--docs), or fix the task',
};
const some: Row = {
  id: 'failures',
  level: 'warning',
  when: 'the task fails on some documents',
  remedy: 'a failure counts as done: leave such documents out, or return a result that says so',
};
const refusedRow: Row = {
  id: 'cloneable',
  level: 'error',
  when: 'a result has a part that structured clone refuses, or an object of Node such as a `URL`',
  remedy:
    'return plain data: objects, arrays, strings, numbers, typed arrays, maps and sets; ' +
    'no functions, symbols, promises, streams or handles, and `url.href` for a `URL`',
};

/** How documents end on the main thread. */
export default {
  rows: [all, some, refusedRow],
  find({ main, timeoutMs }) {
    const [first = []] = main.passes;
    const overdue = first.filter(({ status }) => status === 'timed-out');
    const refused = first.filter(isUncloneable);
    const failed = first.filter((fact) => fact.status === 'failed' && !isUncloneable(fact));
    return [
      ...(overdue.length === 0
        ? []
        : [found(late, `still running after ${number(timeoutMs / 1e3)} s: ${names(overdue)}`)]),
      failed.length === 0
        ? fine('failures', `fails on none of ${first.length} documents`)
        : found(
            failed.length === first.length ? all : some,
            `fails on ${failed.length} of ${first.length} documents: ${names(failed)}`,
          ),
      refused.length === 0
        ? fine('cloneable', 'results can be cloned to another thread or process')
        : found(
            refusedRow,
            `${refused.length} of ${first.length} results cannot leave a worker: ${names(refused)}`,
          ),
    ];
  },
} satisfies Check;

const isUncloneable = ({ error }: DocumentFact) => error?.name === 'DataCloneError';
