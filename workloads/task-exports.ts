/**
 * What a compiled task exports, found in what its source exports. This is bundled into every compiled task and runs in
 * every worker: it imports nothing.
 */

/** Exports beside the task function itself, as in the workload contract. */
export const hooks = ['kind', 'setup', 'teardown', 'digest', 'views'] as const;

type Exports = Readonly<Record<string, unknown>>;

/**
 * A CommonJS module stands whole under `default`, and one made from TypeScript has its own `default` in there: what is
 * asked for is taken from the outermost that has it.
 * @param name of the export that is the task: `default` or another
 * @param file how the source is named in errors
 * @throws Error when there is no such function, with those that there are.
 */
export function taskExports(
  module: Exports,
  { name, file }: { readonly name: string; readonly file: string },
): Exports {
  const layers = layersOf(module);
  const task = name === 'default' ? layers.find((layer) => typeof layer === 'function') : own(layers, name);
  const functions = functionsOf(layers);
  if (typeof task !== 'function' && functions.length > 0) {
    const there = `functions that it exports: ${functions.join(', ')}`;
    throw new Error(
      name === 'default'
        ? `expected a default export that is a function, got none; name another, as in "${file}#${functions[0]}" (${there})`
        : `there is no function "${name}" among its exports (${there})`,
    );
  }
  return {
    ...Object.fromEntries(hooks.map((hook) => [hook, own(layers, hook)])),
    default: task ?? module.default,
  };
}

/** The module, its default export, that one's `default`, as far as it goes. */
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
