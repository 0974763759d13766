import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The task compiler handles each file alone and without types, so it cannot do all that a tsconfig.json may
 * ask for. This module finds what a task's own sources would get from tsc, and do not get from it.
 */

type CompilerOptions = Readonly<Record<string, unknown>>;

/** Options that change how a task runs and that the task compiler ignores. */
const ignored: Readonly<Record<string, (value: unknown, text: string) => string | null>> = {
  emitDecoratorMetadata: (value, text) =>
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
};

/**
 * Says, one sentence per option, what the tsconfig.json nearest to each source asks for in vain.
 * @param compiled the compiled task; its source map names the sources
 */
export function notHonoured(compiled: URL): string[] {
  const said = new Set<string>();
  const options = new Map<string, CompilerOptions>();
  for (const source of sourcesOf(fileURLToPath(compiled))) {
    const config = nearest(dirname(source));
    if (config === null) continue;
    const known = options.get(config) ?? optionsOf(config, new Set());
    options.set(config, known);
    const text = readFileSync(source, 'utf8');
    for (const [name, missing] of Object.entries(ignored)) {
      const what = missing(known[name], text);
      if (what !== null) said.add(`${shown(config)}: the task compiler cannot do "${name}": ${what}`);
    }
  }
  return [...said];
}

/** The TypeScript sources of a compiled task. */
function sourcesOf(compiled: string): string[] {
  try {
    const { sources, sourceRoot = '' } = JSON.parse(readFileSync(`${compiled}.map`, 'utf8')) as {
      sources: string[];
      sourceRoot?: string;
    };
    const root = sourceRoot.startsWith('file:') ? fileURLToPath(sourceRoot) : sourceRoot;
    return sources
      .map((source) => (source.startsWith('file:') ? fileURLToPath(source) : resolve(root, source)))
      .filter((source) => /^\.[cm]?tsx?$/.test(extname(source)) && existsSync(source));
  } catch {
    return []; // without a source map nothing can be said
  }
}

function nearest(folder: string): string | null {
  const config = join(folder, 'tsconfig.json');
  if (existsSync(config)) return config;
  const parent = dirname(folder);
  return parent === folder ? null : nearest(parent);
}

/** Reads compiler options, with what the file extends. A file that cannot be read counts as empty. */
function optionsOf(config: string, seen: Set<string>): CompilerOptions {
  if (seen.has(config)) return {};
  seen.add(config);
  try {
    const { compilerOptions = {}, extends: bases } = parsed(readFileSync(config, 'utf8')) as {
      compilerOptions?: CompilerOptions;
      extends?: string | string[];
    };
    const inherited = list(bases).flatMap((base) => {
      const path = resolved(String(base), config);
      return path === null ? [] : [optionsOf(path, seen)];
    });
    return Object.assign({}, ...inherited, compilerOptions) as CompilerOptions;
  } catch {
    return {};
  }
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
