import { nameSources } from './source-stack.js';
import type { Stage } from './stages/stages.js';
import { memberOf, messageOf } from './thrown.js';
import {
  type Kind,
  kinds,
  type Results,
  type Views,
  type Workload,
  WorkloadError,
  type WorkloadRef,
} from './workload.js';

/** A workload that is loaded, and its stages; null where it has none. */
export type LoadedWorkload = Workload & { readonly stages: readonly Stage[] | null };

/**
 * Imports and checks a workload module. A task with stages gets a default export that runs all of them.
 * @throws WorkloadError when the module does not load or does not keep the contract.
 */
export async function loadWorkload(ref: WorkloadRef): Promise<LoadedWorkload> {
  let module: Record<string, unknown>;
  try {
    module = (await import(ref.url)) as Record<string, unknown>;
  } catch (cause) {
    throw new WorkloadError(`task module "${ref.name}" failed to load: ${described(cause)}`, { cause });
  }
  const stages = module.stages === undefined ? null : await stagesOfTask(ref, module);
  expect(
    ref,
    stages !== null || typeof module.default === 'function',
    'a default export that is a function (document, context) => result, or `stages`',
    module.default,
  );
  const { kind } = module;
  expect(
    ref,
    kind === undefined || kinds.includes(kind as Kind),
    "`kind` to be 'cpu', 'io' or 'mixed', or not to be there",
    kind,
  );
  for (const hook of ['setup', 'teardown', 'digest', 'resolve']) {
    expect(
      ref,
      module[hook] === undefined || typeof module[hook] === 'function',
      `"${hook}" to be a function`,
      module[hook],
    );
  }
  expect(
    ref,
    [undefined, 'copy', 'shared'].includes(module.views as Views),
    "`views` to be 'copy' or 'shared'",
    module.views,
  );
  expect(
    ref,
    [undefined, 'copy', 'move'].includes(module.results as Results),
    "`results` to be 'copy' or 'move'",
    module.results,
  );
  const { cacheEnv, cacheKey } = module;
  expect(
    ref,
    cacheEnv === undefined || (Array.isArray(cacheEnv) && cacheEnv.every((name) => typeof name === 'string')),
    '`cacheEnv` to be an array of names',
    cacheEnv,
  );
  expect(
    ref,
    cacheKey === undefined || ['string', 'function'].includes(typeof cacheKey),
    '`cacheKey` to be a text or a function',
    cacheKey,
  );
  const workload = module as unknown as Workload;
  if (stages === null) return { ...workload, stages };
  const { composed } = await import('./stages/composed.js');
  return { ...composed(stages, workload), stages };
}

/**
 * The error of a `setup` that threw `cause`, which may be anything. It says where in the task that was.
 * @param names true where the message of `cause` names the `setup` already, as it does for a stage
 */
export function setupError({ name }: WorkloadRef, cause: unknown, names: boolean): WorkloadError {
  const what = names ? '' : '`setup` failed: ';
  return new WorkloadError(`task module "${name}": ${what}${described(cause)}`, { cause });
}

/** Returns the message, and the place in the task's sources if it is known. */
function described(cause: unknown): string {
  const place = nameSources(cause) ?? nameSources(memberOf(cause, 'cause'));
  // A connection that failed on several addresses has a code and no message.
  const text = messageOf(cause) || String(memberOf(cause, 'code') ?? memberOf(cause, 'name'));
  return place === null ? text : `${text} (at ${place})`;
}

/** Stages are imported here and not above: most tasks have none, and every worker loads this file. */
async function stagesOfTask(
  { name }: WorkloadRef,
  module: Readonly<Record<string, unknown>>,
): Promise<readonly Stage[] | null> {
  const { stagesOf } = await import('./stages/stages.js');
  try {
    return stagesOf(module);
  } catch (cause) {
    throw new WorkloadError(`task module "${name}": ${messageOf(cause)}`);
  }
}

function expect(ref: WorkloadRef, holds: boolean, expected: string, got: unknown): asserts holds {
  if (holds) return;
  const came =
    typeof got === 'string'
      ? `"${got}"`
      : got === undefined
        ? 'nothing'
        : typeof got === 'object'
          ? 'an object'
          : `a ${typeof got}`;
  throw new WorkloadError(`task module "${ref.name}": expected ${expected}, got ${came}`);
}
