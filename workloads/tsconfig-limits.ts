import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TaskMap } from './source-stack.js';

/**
 * The task compiler handles each file alone and without types, so it cannot do all that a tsconfig.json may
 * ask for. This module finds what a task's own sources would get from tsc, and do not get from it.
 */

type CompilerOptions = Readonly<Record<string, unknown>>;

/** Options that change how a task runs and that the task compiler ignores. */
const ignored: Readonly<Record<string, (value: unknown, source: Text) => string | null>> = {
  emitDecoratorMetadata: (value, { text }) =>
    value === true && hasDecorator(text)
      ? 'the types of decorated parts are missing at run time (design:type and its like)'
      : null,
  plugins: (value) => {
    const transformers = list(value).flatMap((plugin) => {
      const { transform } = (plugin ?? {}) as { transform?: unknown };
      return typeof transform === 'string' ? [transform] : [];
    });
    return transformers.length === 0 ? null : `transformers do not run: ${transformers.join(', ')}`;
  },
  rootDirs: (value) =>
    list(value).length > 1 ? 'relative imports are not looked for in the other folders' : null,
  moduleSuffixes: (value) =>
    list(value).some((suffix) => suffix !== '') ? 'files with these suffixes are not looked for' : null,
  customConditions: (value) =>
    list(value).length > 0 ? 'packages are loaded without these conditions' : null,
  jsx: (value, { path }) =>
    ['preserve', 'react-native'].includes(String(value)) && path.endsWith('x')
      ? 'JSX cannot be kept, and becomes calls of React.createElement'
      : null,
  reactNamespace: (value, { path }) =>
    value !== undefined && path.endsWith('x') ? 'JSX calls React; name the function in "jsxFactory"' : null,
};

/** One of the task's own files. */
interface Text {
  readonly path: string;
  readonly text: string;
}

/**
 * Says, one sentence per option, what the tsconfig.json nearest to each source asks for in vain.
 * @param compiled the compiled task; its source map lists its files
 */
export function notHonoured(compiled: URL): string[] {
  const said = new Set<string>();
  const configs = new Map<string, Config>();
  for (const path of sourcesOf(fileURLToPath(compiled))) {
    const file = nearest(dirname(path));
    if (file === null) continue;
    const config = configs.get(file) ?? configOf(file);
    configs.set(file, config);
    const text = readFileSync(path, 'utf8');
    for (const problem of config.problems) said.add(problem);
    for (const [name, missing] of Object.entries(ignored)) {
      const what = missing(config.options[name], { path, text });
      if (what !== null) said.add(`${shown(file)}: the task compiler cannot do "${name}": ${what}`);
    }
    for (const name of unseen(config, path))
      said.add(`${shown(file)}: the task is compiled without "${name}", which only its references set`);
  }
  return [...said];
}

/** Options that change how a task runs and that the task compiler takes from the nearest tsconfig.json. */
const honoured = [
  'baseUrl',
  'emitDecoratorMetadata',
  'experimentalDecorators',
  'paths',
  'useDefineForClassFields',
];
const honouredForJsx = ['jsx', 'jsxFactory', 'jsxFragmentFactory', 'jsxImportSource'];

function unseen({ options, referred }: Config, path: string): string[] {
  const names = path.endsWith('x') ? [...honoured, ...honouredForJsx] : honoured;
  return names.filter((name) => referred[name] !== undefined && options[name] === undefined);
}

/** The sources of a compiled task that a tsconfig.json concerns. */
function sourcesOf(compiled: string): string[] {
  try {
    const { x_forkwise_files: files } = JSON.parse(readFileSync(`${compiled}.map`, 'utf8')) as TaskMap;
    return Object.keys(files).filter(
      (path) => /^\.([cm]?ts|tsx|jsx)$/.test(extname(path)) && !inPackage(path) && existsSync(path),
    );
  } catch {
    return []; // without a source map nothing can be said
  }
}

function inPackage(path: string): boolean {
  return path.split(sep).includes('node_modules');
}

function nearest(folder: string): string | null {
  const config = join(folder, 'tsconfig.json');
  if (existsSync(config)) return config;
  const parent = dirname(folder);
  return parent === folder ? null : nearest(parent);
}

interface Config {
  readonly options: CompilerOptions;
  /** Options that a solution leaves to the projects that it refers to, and that the compiler does not see. */
  readonly referred: CompilerOptions;
  /** Files that could not be read, whose options are missing. */
  readonly problems: readonly string[];
}

interface ConfigFile {
  readonly compilerOptions?: CompilerOptions;
  readonly extends?: string | readonly string[];
  readonly files?: readonly string[];
  readonly references?: readonly { readonly path: string }[];
}

/** Reads compiler options, with those of the files that it extends. */
function configOf(file: string, within: readonly string[] = []): Config {
  if (within.includes(file)) return { options: {}, referred: {}, problems: [] };
  const failed = (what: string): Config => ({
    options: {},
    referred: {},
    problems: [`${shown(file)}: ${what}`],
  });
  try {
    const config = parsed(readFileSync(file, 'utf8')) as ConfigFile;
    const inherited = list(config.extends).map((base) => {
      const path = resolved(String(base), file);
      return path === null
        ? failed(`the task is compiled without the options of "${base}", which was not found`)
        : configOf(path, [...within, file]);
    });
    const projects = config.files?.length === 0 ? (config.references ?? []) : [];
    const referred = projects.map(({ path }) => configOf(projectFile(resolve(dirname(file), path)), [file]));
    return {
      options: Object.assign({}, ...inherited.map(({ options }) => options), config.compilerOptions),
      referred: Object.assign({}, ...referred.map(({ options }) => options)),
      problems: inherited.flatMap(({ problems }) => problems),
    };
  } catch (cause) {
    return failed(`the task is compiled without its options: ${(cause as Error).message}`);
  }
}

function projectFile(path: string): string {
  return extname(path) === '.json' ? path : join(path, 'tsconfig.json');
}

function resolved(base: string, config: string): string | null {
  if (base.startsWith('.') || isAbsolute(base)) {
    const path = resolve(dirname(config), base);
    return [path, `${path}.json`].find((each) => existsSync(each) && extname(each) === '.json') ?? null;
  }
  const require = createRequire(config);
  for (const name of [base, `${base}.json`, `${base}/tsconfig.json`]) {
    try {
      return require.resolve(name);
    } catch {
      // the next form is tried
    }
  }
  return null;
}

/** JSON with comments and trailing commas, as tsc reads it. */
function parsed(text: string): unknown {
  const keepStrings = (match: string) => (match.startsWith('"') ? match : '');
  const plain = text
    .replace(/^\uFEFF/, '')
    .replace(/"(?:\\.|[^"\\])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, keepStrings)
    .replace(/"(?:\\.|[^"\\])*"|,(?=\s*[}\]])/g, keepStrings);
  return JSON.parse(plain);
}

/** Finds a decorator at the beginning of a line, or after `{`, `;`, `(` or a comma, but not in a comment. */
function hasDecorator(text: string): boolean {
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '');
  return /(?:^|[{};(,])\s*@[A-Za-z_$]/m.test(code);
}

function list(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

function shown(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}
