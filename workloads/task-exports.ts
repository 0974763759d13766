/**
 * This module finds the task among the exports of its source. It is bundled into every compiled task and runs
 * in every worker, so it imports nothing.
 */

/** The optional exports of a task, as the workload contract names them. */
export const hooks = [
  'kind',
  'setup',
  'teardown',
  'digest',
  'views',
  'results',
  'resolve',
  'stages',
  'cacheEnv',
  'cacheKey',
] as const;

type Exports = Readonly<Record<string, unknown>>;

/**
 * Finds the exports of a task. All of a CommonJS module is under `default`, and a CommonJS module made from
 * TypeScript has another `default` in there. Each export is taken from the outermost level that has it.
 *
 * A task is a function, or an array of stages: `stages`, or the named export.
 * @param name names the export that is the task: `default` or another
 * @param file names the source in errors
 * @throws Error when there is neither; the message lists the functions that there are
 */
export function taskExports(
  module: Exports,
  { name, file }: { readonly name: string; readonly file: string },
): Exports {
  const layers = layersOf(module);
  const found = Object.fromEntries(hooks.map((hook) => [hook, own(layers, hook)]));
  if (name !== 'default' && Array.isArray(own(layers, name)))
    return { ...found, stages: own(layers, name), default: undefined };
  const task = name === 'default' ? layers.find((layer) => typeof layer === 'function') : own(layers, name);
  const functions = functionsOf(layers);
  const hasStages = name === 'default' && found.stages !== undefined;
  if (typeof task !== 'function' && !hasStages && functions.length > 0) {
    if (name === 'default' && !file.endsWith('.cjs') && functionsOf(layers.slice(0, 1)).length === 0)
      throw new Error(
        'expected a default export that is a function, got an object; ' +
          `export its function \`${functions[0]}\` itself`,
      );
    const there = `functions that it exports: ${functions.join(', ')}`;
    const example = `"${file}#${functions[0]}"`;
    throw new Error(
      name === 'default'
        ? `expected a default export that is a function, got none; name another, as in ${example} (${there})`
        : `there is no function "${name}" among its exports (${there})`,
    );
  }
  if (hasStages) return { ...found, default: task };
  return { ...found, stages: undefined, default: task ?? module.default };
}

/** Lists the module, its default export, the default export of that, and so on. */
function layersOf(module: Exports): Exports[] {
  const layers: Exports[] = [];
  let layer: unknown = module;
  while (
    ((typeof layer === 'object' && layer !== null) || typeof layer === 'function') &&
    !layers.includes(layer as Exports)
  ) {
    layers.push(layer as Exports);
    layer = (layer as Exports).default;
  }
  return layers;
}

function own(layers: readonly Exports[], name: string): unknown {
  return layers.find((layer) => Object.hasOwn(layer, name) && layer[name] !== undefined)?.[name];
}

function functionsOf(layers: readonly Exports[]): string[] {
  const names = new Set(
    layers.flatMap((layer) =>
      Object.keys(layer).filter((key) => key !== 'default' && typeof layer[key] === 'function'),
    ),
  );
  for (const hook of hooks) names.delete(hook);
  return [...(layers.some((layer) => typeof layer === 'function') ? ['default'] : []), ...names];
}
