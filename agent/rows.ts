import { serialize } from 'node:v8';
import type { ReadColumns, ResultRows } from '../strategies/broker/protocol.js';
import { servedIn } from '../strategies/session/outcome.js';
import { taskError } from '../strategies/session/task-error.js';
import type { Outcome } from '../strategies/strategy.js';

/** The same columns, to which documents are added. */
type Growing<Columns> = {
  -readonly [Key in keyof Columns]: Columns[Key] extends readonly (infer Item)[] ? Item[] : Columns[Key];
};

interface Columns extends Growing<Omit<ResultRows, 'reads'>> {
  reads: Growing<ReadColumns> | null;
}

/** Collects the outcomes of a batch in the columns in which the caller gets them. */
export class Rows {
  #columns = empty();
  /** Documents that were added. */
  count = 0;

  /** Documents that were added and not taken. */
  get length(): number {
    return this.#columns.positions.length;
  }

  /** @param position the place of the document in its batch */
  add(outcome: Outcome, position: number): void {
    const { positions, workers, taskMs, values, failures, served } = this.#columns;
    const at = positions.push(position) - 1;
    workers.push(outcome.worker === null ? null : this.#placeOf(outcome.worker));
    taskMs.push(outcome.taskMs);
    if (outcome.status === 'ok') values.push(outcome.value);
    else {
      values.push(undefined);
      failures.push({ at, result: { status: outcome.status, error: outcome.error } });
    }
    if (outcome.size !== undefined) this.#read(at, outcome.size, outcome.mtimeMs ?? null);
    const services = servedIn(outcome).served;
    if (services !== undefined) served.push({ at, ...services });
    this.count++;
  }

  /** Takes the rows that were added since the last time. */
  take(): ResultRows {
    const columns = this.#columns;
    this.#columns = empty();
    return columns;
  }

  #placeOf(worker: string): number {
    const { names } = this.#columns;
    const place = names.indexOf(worker);
    return place === -1 ? names.push(worker) - 1 : place;
  }

  #read(at: number, size: number, mtimeMs: number | null): void {
    this.#columns.reads ??= { sizes: [], mtimesMs: [] };
    const { sizes, mtimesMs } = this.#columns.reads;
    while (sizes.length < at) {
      sizes.push(null);
      mtimesMs.push(null);
    }
    sizes.push(size);
    mtimesMs.push(mtimeMs);
  }
}

function empty(): Columns {
  return {
    positions: [],
    names: [],
    workers: [],
    taskMs: [],
    values: [],
    failures: [],
    reads: null,
    served: [],
  };
}

/** The same rows, in which each result that cannot be sent to another process has failed instead. */
export function sendable(rows: ResultRows): ResultRows {
  const values = [...rows.values];
  const failures = [...rows.failures];
  for (const [at, value] of values.entries()) {
    try {
      serialize(value);
    } catch (cause) {
      values[at] = undefined;
      failures.push({ at, result: { status: 'failed', error: taskError(cause) } });
    }
  }
  return { ...rows, values, failures };
}
