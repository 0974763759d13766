import type { TaskFinding } from '../../workloads/task-findings.js';
import type { Lab } from './lab.js';
import type { Tried } from './probe.js';
import type { Probe } from './probe-host.js';

/**
 * One property of the task that was checked. A task with an `error` cannot be measured or used in workers as
 * it is.
 */
export interface Finding extends TaskFinding {
  /** False where the check had no document to look at: it says nothing about the task. */
  readonly isTried?: false;
}

/** A row of the table in docs/check.md: one thing that a check can find. */
export interface Row {
  /** Stable name of the property, whatever was found. */
  readonly id: string;
  readonly level: Exclude<Finding['level'], 'ok'>;
  /** Says in words when the finding is reported. */
  readonly when: string;
  readonly remedy: string;
}

/** Everything that the probes found, when the main thread finished. */
export interface Probes {
  readonly main: Probe;
  /** Every place has an entry; the main thread is the first. */
  readonly tried: readonly Tried[];
  /** One document may take this long. */
  readonly timeoutMs: number;
  /** The memory that each of `workers` workers has for itself. */
  readonly share: { readonly bytes: number; readonly workers: number };
}

/** One check: a module in `findings/`, and a line of the list there. It has `find` or `measure`. */
export interface Check {
  /** Everything that it can report, for the table in docs/check.md. */
  readonly rows: readonly Row[];
  /** Derives findings from the probes, and from what all checks have measured. */
  find?(probes: Probes, measured: readonly Finding[]): Finding[];
  /** Measures in fresh processes. It runs at the same time as other checks that measure. */
  measure?(probes: Probes, lab: Lab): Promise<Finding[]>;
}

/** @param remedy replaces the row's own where the case allows a better one */
export function found({ id, level, remedy: own }: Row, said: string, remedy = own): Finding {
  return { id, level, said, remedy };
}

/**
 * Reports a check that had no document to look at.
 * @param place named where the check is made in several places
 */
export function notTried(id: string, why = 'no document was ok', place?: string): Finding {
  const said = `${place === undefined ? '' : `${place}: `}not tried: ${why}`;
  return { id, level: 'note', said, isTried: false };
}

export function fine(id: string, said: string): Finding {
  return { id, level: 'ok', said };
}
