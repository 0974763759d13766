import { attempt } from '../thrown.js';
import type { Context } from '../workload.js';
import { hookError, StageError, StageTimeout } from './stage-error.js';
import type { Stage } from './stages.js';

/** A value is on its way through a stage. */
export interface StageItem {
  /** The stage before returned this, or it is the document itself. */
  readonly value: unknown;
  /** The document's context; the stage gets its own state instead of the state in there. */
  readonly context: Context;
  /** The document has this id. */
  readonly document: string;
  /** Tells the parts of one document apart: `.0.3` is the fourth part of its first. Empty: the whole. */
  readonly part: string;
}

/** Returns the part that the value at this place in a stage's result is. */
export function partOf({ flatMap }: Stage, part: string, place: number): string {
  return flatMap === true ? `${part}.${place}` : part;
}

/** A stage gives several values for one where it has `flatMap`, and one where it has not. */
export type StageResult = { readonly values: readonly unknown[] } | { readonly error: StageError };

/** A stage that is set up on this thread. */
export interface OpenStage {
  readonly stage: Stage;
  /** The stage's `setup` returned this; undefined without `setup`. */
  readonly state: unknown;
  /**
   * Runs the stage on these values, and returns a result for each. Where the stage takes batches, they are
   * one batch, and a batch that fails runs again one by one. Other stages take them in turn. Never throws and
   * never rejects. A stage that does not wait is answered without a promise.
   */
  run(items: readonly StageItem[]): readonly StageResult[] | Promise<readonly StageResult[]>;
  /** Runs the stage's `teardown`. @throws what that throws, with the stage's name */
  close(): Promise<void>;
}

/**
 * Runs the `setup` of a stage.
 * @throws what that throws, with the stage's name
 */
export async function openStage(
  stage: Stage,
  options: Readonly<Record<string, unknown>>,
): Promise<OpenStage> {
  const state = await inHook(stage, 'setup', () => stage.setup?.(options));
  return {
    stage,
    state,
    run: (items) => runItems(stage, { items, state }),
    close: () => inHook(stage, 'teardown', () => stage.teardown?.(state)),
  };
}

async function inHook<Value>(
  { name }: Stage,
  hook: 'setup' | 'teardown',
  call: () => Value | Promise<Value>,
): Promise<Value> {
  try {
    return await call();
  } catch (cause) {
    throw hookError({ stage: name, hook }, cause);
  }
}

interface Call {
  readonly items: readonly StageItem[];
  readonly state: unknown;
}

function runItems(stage: Stage, call: Call): readonly StageResult[] | Promise<readonly StageResult[]> {
  const { items, state } = call;
  const [only] = items;
  if (only === undefined) return [];
  if (items.length === 1) return listed(runOne(stage, only, state));
  if (stage.batch === undefined) return inTurn(stage, call);
  const results = runTogether(stage, call);
  return isThenable(results)
    ? results.then((results) => results ?? inTurn(stage, call))
    : (results ?? inTurn(stage, call));
}

function listed(result: StageResult | Promise<StageResult>): StageResult[] | Promise<StageResult[]> {
  return isThenable(result) ? result.then((result) => [result]) : [result];
}

async function inTurn(stage: Stage, { items, state }: Call): Promise<readonly StageResult[]> {
  const results: StageResult[] = [];
  for (const item of items) results.push(await runOne(stage, item, state));
  return results;
}

/** Runs a batch. The result is null where it failed. */
function runTogether(
  stage: Stage,
  { items, state }: Call,
): StageResult[] | null | Promise<StageResult[] | null> {
  const given = limited(stage, items, state, (contexts) =>
    stage.run(items.map(({ value }) => value) as never, contexts as never),
  );
  const read = (given: Returned): StageResult[] | null => {
    if ('error' in given || !isArrayOf(given.value, items.length)) return null;
    const results = given.value.map((value) => resultOf(stage, value));
    return results.includes(null) ? null : (results as StageResult[]);
  };
  const readSafely = (given: Returned) => attempt(() => read(given), null);
  return isThenable(given) ? given.then(readSafely) : readSafely(given);
}

/** Runs one value, alone. A stage that takes batches gets a batch of one. */
function runOne(stage: Stage, item: StageItem, state: unknown): StageResult | Promise<StageResult> {
  const given = limited(stage, [item], state, ([context]) =>
    stage.batch === undefined
      ? stage.run(item.value, context as Context)
      : stage.run([item.value], [context as Context]),
  );
  const of = { stage: stage.name, document: item.document };
  const read = (given: Returned): StageResult => {
    if ('timeoutMs' in given) return { error: new StageTimeout(of, given.timeoutMs) };
    if ('error' in given) return { error: new StageError(of, given.error) };
    let { value } = given;
    try {
      if (stage.batch !== undefined) {
        if (!isArrayOf(value, 1)) return { error: new StageError(of, wrongBatch(value)) };
        [value] = value;
      }
      return resultOf(stage, value) ?? { error: new StageError(of, wrongFlatMap(value)) };
    } catch (cause) {
      return { error: new StageError(of, cause) }; // a proxy of an array may throw when it is read
    }
  };
  return isThenable(given) ? given.then(read) : read(given);
}

/** Null where a stage with `flatMap` returned no array. */
function resultOf({ flatMap }: Stage, value: unknown): StageResult | null {
  if (flatMap !== true) return { values: [value] };
  return Array.isArray(value) ? { values: value } : null;
}

function isArrayOf(value: unknown, length: number): value is unknown[] {
  return Array.isArray(value) && value.length === length;
}

function wrongBatch(value: unknown): Error {
  const got = Array.isArray(value) ? `${value.length} of them` : `a value of type ${typeof value}`;
  return withoutStack(`expected an array with one result for each value of the batch (1), got ${got}`);
}

function wrongFlatMap(value: unknown): Error {
  return withoutStack(
    `expected an array, because the stage has \`flatMap\`, got a value of type ${typeof value}`,
  );
}

/** A stack would show our code. */
function withoutStack(message: string): Error {
  const error = new TypeError(message);
  delete error.stack;
  return error;
}

type Returned =
  | { readonly value: unknown }
  | { readonly error: unknown }
  | { readonly error: unknown; readonly timeoutMs: number };

/** Calls the stage within its time limit. Never throws and never rejects. */
function limited(
  { timeoutMs }: Stage,
  items: readonly StageItem[],
  state: unknown,
  call: (contexts: readonly StageContext[]) => unknown,
): Returned | Promise<Returned> {
  const isLimited = timeoutMs !== undefined;
  const contexts: StageContext[] = [];
  for (const { context, part } of items) contexts.push(new StageContext(context, { state, part, isLimited }));
  const startedMs = isLimited ? performance.now() : 0; // reading the clock takes a tenth of a µs
  try {
    const value = call(contexts);
    if (isThenable(value)) {
      const settled = Promise.resolve(value).then(
        (value): Returned => ({ value }),
        (error: unknown): Returned => ({ error }),
      );
      return timeoutMs === undefined ? settled : withLimit(settled, { timeoutMs, startedMs, contexts });
    }
    // A stage that computes cannot be interrupted here, and is late all the same.
    if (timeoutMs !== undefined && performance.now() - startedMs > timeoutMs)
      return { error: null, timeoutMs };
    return { value };
  } catch (error) {
    return { error };
  }
}

interface Limit {
  readonly timeoutMs: number;
  readonly startedMs: number;
  readonly contexts: readonly StageContext[];
}

async function withLimit(
  settled: Promise<Returned>,
  { timeoutMs, startedMs, contexts }: Limit,
): Promise<Returned> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Returned>((resolve) => {
    timer = setTimeout(
      () => {
        const reason = new DOMException(`the stage was still running after ${timeoutMs} ms`, 'TimeoutError');
        for (const context of contexts) context.abort(reason);
        resolve({ error: reason, timeoutMs });
      },
      Math.max(0, startedMs + timeoutMs - performance.now()),
    );
  });
  try {
    return await Promise.race([settled, late]);
  } finally {
    clearTimeout(timer);
    for (const context of contexts) context.finish();
  }
}

/** Returns a document's context with another state. */
export function withState(context: Context, state: unknown): Context {
  return new StageContext(context, { state, part: '', isLimited: false });
}

/** The context of one call of a stage: the document's, with the state and the time limit of the stage. */
class StageContext implements Context {
  readonly state: unknown;
  readonly #document: Context;
  readonly #part: string;
  readonly #isLimited: boolean;
  #controller: AbortController | null = null;
  #passOn: (() => void) | null = null;

  constructor(
    document: Context,
    {
      state,
      part,
      isLimited,
    }: { readonly state: unknown; readonly part: string; readonly isLimited: boolean },
  ) {
    this.state = state;
    this.#document = document;
    this.#part = part;
    this.#isLimited = isLimited;
  }

  /** This is the document's key, with the part. */
  get key(): string {
    return `${this.#document.key}${this.#part}`;
  }

  get options(): Context['options'] {
    return this.#document.options;
  }

  get limit(): Context['limit'] {
    return this.#document.limit;
  }

  get signal(): AbortSignal {
    if (!this.#isLimited) return this.#document.signal;
    this.#controller ??= this.#follow();
    return this.#controller.signal;
  }

  ask(request: unknown): Promise<unknown> {
    return this.#document.ask(request);
  }

  onBroadcast(listener: (message: unknown) => void): () => void {
    return this.#document.onBroadcast(listener);
  }

  abort(reason: Error): void {
    this.#controller?.abort(reason);
  }

  finish(): void {
    if (this.#passOn !== null) this.#document.signal.removeEventListener('abort', this.#passOn);
  }

  #follow(): AbortController {
    const controller = new AbortController();
    const { signal } = this.#document;
    const passOn = () => controller.abort(signal.reason);
    if (signal.aborted) passOn();
    else signal.addEventListener('abort', passOn, { once: true });
    this.#passOn = passOn;
    return controller;
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  );
}
