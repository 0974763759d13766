import { inFlightError } from '../../../workloads/task-findings.js';
import type { Computing } from '../computing.js';
import { type Check, found, type Row } from '../finding.js';

const threads =
  'Node’s own threads are UV_THREADPOOL_SIZE per process (4 by default); a library’s own threads × workers ' +
  'should not exceed the cores';

const row: Row = {
  id: 'native-threads',
  level: 'note',
  when: 'the task computes on native threads beside its own, whose event loop is idle meanwhile',
  remedy: `more in flight on one thread gains up to the cores, workers no more than that; ${threads}`,
};
const workersOnly: Row = {
  id: 'native-threads',
  level: 'note',
  when: 'the same of a task with the error `in-flight`',
  remedy: `workers gain up to the cores; ${threads}`,
};

export default {
  rows: [row, workersOnly],
  find({ main: { computing } }, measured) {
    if (!computesBeside(computing)) return [];
    const use = inFlightError(measured) === undefined ? row : workersOnly;
    const { ownMs, besideMs } = computing;
    const percent = Math.round((100 * besideMs) / (ownMs + besideMs));
    return [
      found(use, `${percent} % of its CPU time is used by native threads, while its own thread is idle`),
    ];
  },
} satisfies Check;

/** At least this share of the CPU time is used beside the thread. */
const minShare = 0.3;
/** The thread is idle for this share of the time or more. Garbage collection uses others while it is busy. */
const minIdle = 0.1;
/** On a busy machine native threads wait for a core, so they compute during only a part of the idle time. */
const minPartOfIdle = 0.05;
/** Less CPU time says little: Node compiles and collects garbage on threads of its own. */
const minMs = 5;

/** Says whether the task computes on other threads than its own. */
export function computesBeside(computing: Computing | null): computing is Computing {
  if (computing === null) return false;
  const { ownMs, besideMs, idleMs, wallMs } = computing;
  return (
    besideMs >= minMs &&
    besideMs >= minShare * (ownMs + besideMs) &&
    idleMs >= minIdle * wallMs &&
    besideMs >= minPartOfIdle * idleMs
  );
}
