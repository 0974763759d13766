import { counted, number } from '../../words/units.js';
import { type Check, type Finding, fine, found, notTried, type Row } from '../finding.js';
import type { DocumentFact } from '../probe-host.js';
import { documents, names, someOk } from '../words.js';
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
    const none = someOk(first)
      ? fine('cloneable', 'results can be cloned to another thread or process')
      : notTried('cloneable');
    return [
      ...(overdue.length === 0
        ? []
        : [found(late, `still running after ${number(timeoutMs / 1e3)} s: ${names(overdue)}`)]),
      failed.length === 0
        ? noneFailed(first.length - overdue.length, overdue.length > 0)
        : found(
            failed.length === first.length ? all : some,
            `fails on ${failed.length} of ${documents(first.length)}: ${names(failed)}`,
          ),
      refused.length === 0
        ? none
        : found(
            refusedRow,
            `${refused.length} of ${counted(first.length, 'result')} cannot leave a worker: ` +
              names(refused),
          ),
    ];
  },
} satisfies Check;

/** A document that was stopped has shown nothing about failures. */
function noneFailed(ended: number, isCut: boolean): Finding {
  if (ended === 0) return notTried('failures', 'no document ended in time');
  return fine('failures', `fails on none of ${documents(ended)}${isCut ? ' that ended in time' : ''}`);
}

const isUncloneable = ({ error }: DocumentFact) => error?.name === 'DataCloneError';
