/**
 * Names the class of Node or of JavaScript that an object with this prototype belongs to, when such an object
 * is more than its own properties: a `URL`, a socket, a promise. Its state is in private fields or in native
 * memory. Structured clone refuses some of these classes, copies some and turns others into `{}`, which
 * depends on the version of Node and on whether a thread or a process receives them. Therefore a result may
 * have none of them, in any strategy.
 *
 * Null for plain objects; for arrays, maps, sets, dates, regular expressions, errors, boxed primitives and
 * buffers, which every structured clone copies; and for a program's own classes, whose instances arrive as
 * plain objects.
 */
export function hostClass(prototype: object): string | null {
  let found = known.get(prototype);
  if (found === undefined) {
    found = find(prototype);
    known.set(prototype, found);
  }
  return found;
}

const known = new WeakMap<object, string | null>();

/** Every structured clone copies the objects of these native constructors. */
const dataClasses = new Set([
  ...['Object', 'Array', 'Map', 'Set', 'Date', 'RegExp', 'Boolean', 'Number', 'String', 'BigInt'],
  ...['ArrayBuffer', 'Error', 'EvalError', 'RangeError', 'ReferenceError'],
  ...['SyntaxError', 'TypeError', 'URIError', 'AggregateError', 'SuppressedError'],
]);

/** These classes of Node have nothing but ordinary properties of their own, like those of a program. */
const plainClassesOfNode = new Set(['Stats', 'BigIntStats', 'StatFs', 'Dirent', 'Url', 'AssertionError']);

/** The global names before a task adds its own. Their values are not read, since some load slowly. */
const globalNames = new Set(Object.getOwnPropertyNames(globalThis));

/** The built-in iterators and generators inherit from these, which have no constructor on Node 20. */
const iteratorPrototypes = [
  ancestor([][Symbol.iterator](), 2),
  ancestor((async function* () {})(), 3), // generator, its function's prototype, all generators, iterators
];

function find(prototype: object): string | null {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    if (iteratorPrototypes.includes(at)) return 'iterator';
    const type: unknown = Object.getOwnPropertyDescriptor(at, 'constructor')?.value;
    if (typeof type !== 'function') continue;
    const { name } = type;
    const isHost = isNative(type) ? !dataClasses.has(name) : isOfNode(name, type);
    if (isHost) return name || 'native object';
  }
  return null;
}

/** True for constructors of the engine, of Node's native part and of native addons. */
function isNative(type: object): boolean {
  return Function.prototype.toString.call(type).endsWith('{ [native code] }');
}

/** True for global classes and exports of Node's modules that are written in JavaScript. */
function isOfNode(name: string, type: object): boolean {
  if (plainClassesOfNode.has(name)) return false;
  if (globalNames.has(name) && (globalThis as Record<string, unknown>)[name] === type) return true;
  return loadedModules().some((id) => {
    const exported = process.getBuiltinModule(id) as Record<string, unknown> | undefined;
    return exported?.[name] === type;
  });
}

/** A module whose class has an object is loaded; no other module is loaded for the check. */
function loadedModules(): string[] {
  const { moduleLoadList = [] } = process as { readonly moduleLoadList?: readonly string[] };
  return moduleLoadList
    .filter((entry) => entry.startsWith(prefix) && !entry.startsWith(`${prefix}internal/`))
    .map((entry) => entry.slice(prefix.length));
}

const prefix = 'NativeModule ';

function ancestor(object: object, levels: number): object {
  return levels === 0 ? object : ancestor(Object.getPrototypeOf(object), levels - 1);
}
