import { closest, distance } from 'fastest-levenshtein';
import { type Context, type Kind, kinds, WorkloadError } from '../workload.js';

/**
 * A task may be a chain of stages instead of one function: `export const stages = [load, encode, write]`. The
 * first stage gets the document, each later one what the stage before it returned. The strategy `pipeline`
 * gives each stage workers of its own; all other strategies run the stages one after the other
 * (`composed.ts`). Stages are repeatable: a document may run again, from the first stage on.
 */

/** Says how values are collected for one call of a stage. */
export interface Batch {
  /** A call gets at most this many values. */
  readonly documents: number;
  /** A value waits at most this long for others, ms. Absent: 5. */
  readonly ms?: number;
}

/** Workers of a stage are separated from those of other stages by this, where each stage has its own. */
export type StageIsolation = 'thread' | 'process';

interface AnyStage<State> {
  /** Tables, errors, `--stages` and worker names use this name. */
  readonly name: string;
  /** This runs once per worker of the stage, before its first value. */
  setup?(options: Readonly<Record<string, unknown>>): State | Promise<State>;
  /** This runs once per worker of the stage, after its last value. */
  teardown?(state: State): void | Promise<void>;
  /** Says what the stage mostly does. Absent: it is measured. */
  readonly kind?: Kind;
  /** Workers of the stage are threads (the default) or processes, where stages have workers of their own. */
  readonly isolation?: StageIsolation;
  /** One call of the stage may take this long, ms. Absent: as long as it wants. */
  readonly timeoutMs?: number;
  /**
   * True: the stage returns an array, and the next stage runs once per element. The outcome's value is then
   * the array of all last values.
   */
  readonly flatMap?: boolean;
}

/** A stage that gets one value at a time. */
export interface SingleStage<State = unknown> extends AnyStage<State> {
  readonly batch?: undefined;
  /**
   * Returns the next stage's value, or the outcome's, or a promise of it.
   * @param value what the stage before has returned; the document itself for the first stage
   */
  run(value: unknown, context: Context<State>): unknown;
}

/**
 * A stage that gets several values at a time, with a context each, and returns an array with a result for
 * each of them. When a call fails, its values run again one by one.
 */
export interface BatchStage<State = unknown> extends AnyStage<State> {
  /** Calls have at most this many values. */
  readonly batch: Batch;
  /**
   * Returns an array with a result for each value, or a promise of it.
   * @param values what the stage before has returned; the documents themselves for the first stage
   */
  run(values: readonly unknown[], contexts: readonly Context<State>[]): unknown;
}

/** A task has stages of either kind. */
export type Stage<State = unknown> = SingleStage<State> | BatchStage<State>;

/** A batch that is not full waits this long for further values, ms, where the stage does not say. */
export const batchMs = 5;

/** A batch of one value, which waits for no other. */
const alone = { documents: 1, ms: 0 } as const;

/** Returns the batch of a stage with its defaults filled in. */
export function batchOf({ batch }: Stage): Required<Batch> {
  return batch === undefined ? alone : { documents: batch.documents, ms: batch.ms ?? batchMs };
}

/** The outcome's value is an array of last values where a stage has `flatMap`. */
export function givesArray(stages: readonly Stage[]): boolean {
  return stages.some(({ flatMap }) => flatMap === true);
}

/**
 * Returns the stages of a task module; null when it has none.
 * @throws WorkloadError when they are no stages; the message says which one, what was expected and what came
 */
export function stagesOf(module: Readonly<Record<string, unknown>>): readonly Stage[] | null {
  const { stages } = module;
  if (stages === undefined) return null;
  for (const other of ['default', 'setup', 'teardown']) {
    if (typeof module[other] === 'function') throw new WorkloadError(besides(other));
  }
  if (!Array.isArray(stages) || stages.length === 0)
    throw new WorkloadError(
      'expected `stages` to be an array of stages, as in [{ name: "load", run(document, context) { … } }], ' +
        `got ${Array.isArray(stages) ? 'an empty array' : shown(stages)}`,
    );
  const names = new Set<unknown>();
  for (const [at, stage] of stages.entries()) {
    checkStage(stage, at);
    if (names.has(stage.name))
      throw new WorkloadError(`two stages have the name "${stage.name}"; rename one of them`);
    names.add(stage.name);
  }
  return stages as readonly Stage[];
}

function besides(other: string): string {
  return other === 'default'
    ? 'expected a default export or `stages`, got both; remove one of them, or export the function under ' +
        'another name and run it with "#name" after the file'
    : `expected no \`${other}\` beside \`stages\`; move it into the stage that needs it`;
}

interface Rule {
  readonly expected: string;
  holds(value: unknown): boolean;
}

const isFunction = (value: unknown) => typeof value === 'function';
const isOptionalFunction = (value: unknown) => value === undefined || isFunction(value);
const oneOf =
  (...values: unknown[]) =>
  (value: unknown) =>
    value === undefined || values.includes(value);
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** Timers of Node are not longer, ms. */
const maxMs = 2 ** 31 - 1;
const isWithin = (value: unknown, { from }: { from: number }) =>
  typeof value === 'number' && value >= from && value <= maxMs;

const stageRules: Readonly<Record<keyof AnyStage<unknown> | 'run' | 'batch', Rule>> = {
  name: {
    expected: 'a plain word: letters, digits, "-" and "_", the first a letter',
    holds: (value) => typeof value === 'string' && /^[a-z][a-z0-9_-]{0,39}$/i.test(value),
  },
  run: { expected: 'a function (value, context) => result', holds: isFunction },
  setup: { expected: 'a function', holds: isOptionalFunction },
  teardown: { expected: 'a function', holds: isOptionalFunction },
  kind: { expected: "'cpu', 'io' or 'mixed'", holds: oneOf(...kinds) },
  batch: {
    expected: 'an object, as in { documents: 16, ms: 5 }',
    holds: (value) => value === undefined || isObject(value),
  },
  isolation: { expected: "'thread' or 'process'", holds: oneOf('thread', 'process') },
  timeoutMs: {
    expected: `a number of milliseconds from 1 to ${maxMs}`,
    holds: (value) => value === undefined || isWithin(value, { from: 1 }),
  },
  flatMap: { expected: 'true or false', holds: oneOf(true, false) },
};

const batchRules: Readonly<Record<keyof Batch, Rule>> = {
  documents: {
    expected: 'a whole number of documents, from 1',
    holds: (value) => Number.isSafeInteger(value) && isWithin(value, { from: 1 }),
  },
  ms: {
    expected: 'a number of milliseconds from 0',
    holds: (value) => value === undefined || isWithin(value, { from: 0 }),
  },
};

function checkStage(stage: unknown, at: number): void {
  const place = `stages[${at}]`;
  if (!isObject(stage))
    throw new WorkloadError(
      `expected \`${place}\` to be a stage, as in { name: "load", run(document, context) { … } }, ` +
        `got ${shown(stage)}`,
    );
  const given = stage as Readonly<Record<string, unknown>>;
  checkKeys(given, { rules: stageRules, place });
  const named = `stage "${given.name}"`;
  for (const [key, rule] of Object.entries(stageRules))
    check(given[key], { rule, what: key === 'name' ? `the name of \`${place}\`` : `\`${key}\` of ${named}` });
  if (given.batch === undefined) return;
  const batch = given.batch as Readonly<Record<string, unknown>>;
  checkKeys(batch, { rules: batchRules, place: `\`batch\` of ${named}` });
  for (const [key, rule] of Object.entries(batchRules))
    check(batch[key], { rule, what: `\`batch.${key}\` of ${named}` });
}

function check(value: unknown, { rule, what }: { rule: Rule; what: string }): void {
  if (rule.holds(value)) return;
  throw new WorkloadError(`expected ${what} to be ${rule.expected}, got ${shown(value)}`);
}

function checkKeys(
  given: Readonly<Record<string, unknown>>,
  { rules, place }: { rules: Readonly<Record<string, Rule>>; place: string },
): void {
  const known = Object.keys(rules);
  const unknown = Object.keys(given).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  const begin = known.find((key) => unknown.startsWith(key)); // `batch` of `batchSize`
  const near = begin ?? closest(unknown, known);
  const isNear = begin !== undefined || distance(unknown, near) <= Math.max(2, unknown.length / 3);
  const hint = isNear ? `; did you mean "${near}"?` : ';';
  throw new WorkloadError(`unknown key "${unknown}" in ${place}${hint} expected some of ${known.join(', ')}`);
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') return `"${value}"`;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'an array' : typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
