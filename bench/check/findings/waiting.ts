import { inFlightError } from '../../../workloads/task-findings.js';
import type { Kind } from '../../../workloads/workload.js';
import { kindOf } from '../../measure/waiting.js';
import { number } from '../../words/units.js';
import { type Check, found, notTried, type Row } from '../finding.js';
import { someOk } from '../words.js';
import { computesBeside } from './native-threads.js';

/** If the work takes fewer milliseconds, a single pause of the machine could change the answer. */
const minMeasuredMs = 20;

const share: Row = {
  id: 'waiting',
  level: 'note',
  when: 'always: the share of the time that the task waits, and what follows',
  remedy: 'none; where it says little, give it more documents, or larger ones',
};
const near: Row = {
  id: 'waiting',
  level: 'note',
  when: 'the task’s own `kind` differs from the measured one, and one of the two is `mixed`',
  remedy: 'remove the line: then the kind is measured',
};
const contradicted: Row = {
  id: 'waiting',
  level: 'warning',
  when: 'the task’s own `kind` is the opposite of the measured one',
  remedy: 'write the measured kind, or remove the line',
};

/** Says what gains, by the kind of the task; `native` is a task that computes on native threads. */
const gains: Record<Kind | 'native', string> = {
  cpu: 'workers will gain, up to the cores; more in flight on one thread will not',
  io: 'more in flight on one thread will gain, workers hardly more than that',
  mixed: 'more in flight on one thread gains what waits, workers the rest',
  native: 'it computes on native threads: more in flight on one thread gains up to the cores',
};
const ruledOut = 'several in flight on one thread are ruled out by the error in-flight';
/** The same for a task that several documents in flight on one thread would mix up. */
const gainsOfWorkers: Record<Kind | 'native', string> = {
  cpu: 'workers will gain, up to the cores',
  io: `workers will gain, also beyond the cores; ${ruledOut}`,
  mixed: `workers will gain, also a few beyond the cores; ${ruledOut}`,
  native: `it computes on native threads: workers gain up to the cores; ${ruledOut}`,
};

export default {
  rows: [share, near, contradicted],
  find({ main: { passes, waiting, measuredMs, kind: declared, computing } }, measured) {
    if (!someOk(passes.at(-1) ?? [])) return [notTried(share.id)];
    const kind = kindOf(waiting);
    const follows = inFlightError(measured) === undefined ? gains : gainsOfWorkers;
    const what = follows[computesBeside(computing) ? 'native' : kind];
    const percent = `${Math.round(100 * waiting)} % waiting`;
    const said = `${percent}: ${what}`;
    if (measuredMs < minMeasuredMs)
      return [
        found(
          share,
          `${percent} in ${number(measuredMs)} ms of work, which is too little to say what gains`,
          'give it more documents, or larger ones',
        ),
      ];
    if (declared === null || declared === kind) return [{ id: 'waiting', level: 'note', said }];
    const row = declared === 'mixed' || kind === 'mixed' ? near : contradicted;
    const remedy = `write \`export const kind = '${kind}'\`, or remove the line: then the kind is measured`;
    return [found(row, `${said}; it says kind '${declared}'`, remedy)];
  },
} satisfies Check;
