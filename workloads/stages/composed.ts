import { type Context, type Document, type Kind, unwatched, type Workload } from '../workload.js';
import {
  type OpenStage,
  openStage,
  partOf,
  type StageItem,
  type StageResult,
  withState,
} from './open-stage.js';
import { givesArray, type Stage } from './stages.js';

/**
 * Makes one function of a chain of stages: a worker runs all of them for a document, one after the other, in
 * batches of one. So every strategy can run a task with stages.
 * @param others the module's other exports
 */
export function composed(
  stages: readonly Stage[],
  others: Pick<Workload, 'kind' | 'digest' | 'views' | 'results' | 'resolve' | 'cacheEnv' | 'cacheKey'> = {},
): Workload {
  const { digest, views, results, resolve, cacheEnv, cacheKey } = others;
  const kind = others.kind ?? kindOf(stages);
  const workload: Workload<unknown, Opened> = {
    ...(kind !== null && { kind }),
    ...(digest !== undefined && { digest }),
    ...(views !== undefined && { views }),
    ...(results !== undefined && { results }),
    ...(cacheEnv !== undefined && { cacheEnv }),
    ...(cacheKey !== undefined && { cacheKey }),
    // The first stage gets the bytes, so they are read with its state.
    ...(resolve !== undefined && {
      resolve: (reference, context) => resolve(reference, withState(context, context.state[0]?.state)),
    }),
    setup: (options) => openAll(stages, options),
    teardown: closeAll,
    default: givesArray(stages)
      ? (document, context) => allValues({ item: first(document, context), opened: context.state, at: 0 })
      : (document, context) => oneValue({ item: first(document, context), opened: context.state, at: 0 }),
  };
  return workload as Workload;
}

/** The stages that a worker has opened, in their order. */
type Opened = readonly OpenStage[];

/** Null when it must be measured. */
function kindOf(stages: readonly Stage[]): Kind | null {
  const kinds = new Set(stages.map(({ kind }) => kind));
  const [kind] = kinds;
  if (kinds.has(undefined) || kind === undefined) return null;
  return kinds.size === 1 ? kind : 'mixed';
}

/** Opens the stages in their order. When the `setup` of one throws, those before it are closed again. */
async function openAll(stages: readonly Stage[], options: Context['options']): Promise<Opened> {
  const opened: OpenStage[] = [];
  try {
    for (const stage of stages) opened.push(await openStage(stage, options));
    return opened;
  } catch (cause) {
    await closeAll(opened).catch(() => {}); // the first error is the cause of what follows
    throw cause;
  }
}

/** Closes the last stage first, and all of them although one throws. @throws the first error */
async function closeAll(opened: Opened): Promise<void> {
  const errors: unknown[] = [];
  for (const stage of [...opened].reverse())
    await stage.close().catch((cause: unknown) => errors.push(cause));
  if (errors.length > 0) throw errors[0];
}

function first(document: Document, context: Context): StageItem {
  const { id } = (document as { readonly [unwatched]?: { readonly id: string } })[unwatched] ?? document;
  return { value: document, context, document: id, part: '' };
}

/** A value on its way, which the stage at this place gets next. */
interface Step {
  readonly item: StageItem;
  readonly opened: Opened;
  readonly at: number;
}

/** Runs stages that each return one value. There is no promise where no stage waits. */
function oneValue({ item, opened, at }: Step): unknown {
  const stage = opened[at];
  if (stage === undefined) return item.value;
  const results = stage.run([item]);
  const goOn = (results: readonly StageResult[]) =>
    oneValue({ item: { ...item, value: valuesOf(results)[0] }, opened, at: at + 1 });
  return results instanceof Promise ? results.then(goOn) : goOn(results);
}

/** Each value goes through all further stages before the next one does. */
async function allValues({ item, opened, at }: Step): Promise<unknown[]> {
  const stage = opened[at];
  if (stage === undefined) return [item.value];
  const last: unknown[] = [];
  for (const [place, value] of valuesOf(await stage.run([item])).entries()) {
    const part = partOf(stage.stage, item.part, place);
    for (const found of await allValues({ item: { ...item, value, part }, opened, at: at + 1 }))
      last.push(found);
  }
  return last;
}

/** Returns the values of the only result. @throws its error */
function valuesOf([result]: readonly StageResult[]): readonly unknown[] {
  if (result === undefined || 'error' in result) throw result?.error;
  return result.values;
}
