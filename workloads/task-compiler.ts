import { readFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, dirname, extname, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { BuildFailure, BuildOptions, BuildResult, Loader, Message, Plugin, PluginBuild } from 'esbuild';
import { hooks } from './task-exports.js';

/** The one place that knows esbuild, which is loaded when there is something to compile. */

export interface Source {
  readonly file: string;
  /** The export that is the task. */
  readonly export: string;
}

/**
 * Bundles a task's own files into one ES module that may lie anywhere: packages stay where they are, and what a file
 * says of its own place (`import.meta.url`, `__dirname`) stays true.
 * @throws Error with the compiler's words, file, line and column, and what to do.
 */
export async function compile(source: Source): Promise<{ readonly code: string; readonly map: string }> {
  const { outputFiles = [] } = await build(
    { ...optionsFor(source), entryPoints: ['forkwise:task'], sourcemap: 'external' },
    source,
  );
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  return { code: text('.mjs'), map: text('.map') };
}

/** The names a source exports; null when only loading it can tell: CommonJS, and `export *` from a package. */
export async function exportsOf(source: Source): Promise<readonly string[] | null> {
  const { metafile, outputFiles = [] } = await build(
    { ...optionsFor(source), entryPoints: [source.file], metafile: true },
    source,
  );
  const [output] = Object.values(metafile?.outputs ?? {});
  const input = metafile?.inputs[output?.entryPoint ?? ''];
  if (input?.format !== 'esm' || /^export \* from/m.test(outputFiles[0]?.text ?? '')) return null;
  return output?.exports ?? null;
}

function optionsFor(source: Source) {
  return {
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20.19', // the oldest Node we run on: the same bytes on all of them
    conditions: ['node-addons', 'module-sync'], // Node's own beside those esbuild knows; without the bundlers' `module`
    charset: 'utf8',
    ignoreAnnotations: true, // an import for its effects has them, whatever package.json says of side effects
    absWorkingDir: dirname(source.file), // comments in the output name files from there: the same from any folder
    outfile: join(dirname(source.file), 'task.mjs'), // never written; the source map's paths begin there
    sourceRoot: pathToFileURL(`${dirname(source.file)}${sep}`).href,
    define: {
      'import.meta': '__forkwise_meta',
      __dirname: '__forkwise_dirname',
      __filename: '__forkwise_filename',
    },
    banner: { js: banner(source.file) },
    logLevel: 'silent',
    plugins: [packagesStay(source), placesStay],
  } as const satisfies BuildOptions;
}

let busy = 0;

/** esbuild works in a process of its own, which would stay as long as ours. */
async function build(options: BuildOptions, { file }: Source): Promise<BuildResult> {
  const esbuild = await import('esbuild');
  busy++;
  try {
    return await esbuild.build(options);
  } catch (cause) {
    const { errors } = cause as Partial<BuildFailure>;
    if (errors === undefined || errors.length === 0)
      throw new Error(`the compiler did not run: ${(cause as Error).message}`, { cause });
    throw new Error(said(errors, dirname(file)), { cause });
  } finally {
    if (--busy === 0) await esbuild.stop();
  }
}

/** So many of the compiler's errors are shown. */
const mostErrors = 3;

function said(errors: readonly Message[], folder: string): string {
  const lines = errors.slice(0, mostErrors).map(({ text, location }) => {
    const where =
      location === null
        ? ''
        : `${shortest(join(folder, location.file))}:${location.line}:${location.column + 1}: `;
    return `${where}${text}; ${remedy(text)}`;
  });
  return [...lines, ...(errors.length > mostErrors ? [`and ${errors.length - mostErrors} more`] : [])].join(
    '\n',
  );
}

function remedy(text: string): string {
  if (text.startsWith('Could not resolve')) return 'install the package, or correct the path';
  if (text.startsWith('No loader'))
    return "read such a file with node:fs, by new URL('./file', import.meta.url)";
  return 'correct the source';
}

function shortest(path: string): string {
  const fromHere = relative(process.cwd(), path);
  return fromHere.startsWith('..') || isAbsolute(fromHere) ? path : fromHere;
}

/**
 * At the head of the compiled module: `require` for CommonJS that stays outside or is asked for by a computed name, and
 * `import.meta.resolve` of each own file.
 */
function banner(file: string): string {
  return `import { createRequire as __forkwise_createRequire } from 'node:module';
import { isAbsolute as __forkwise_isAbsolute } from 'node:path';
import { pathToFileURL as __forkwise_pathToFileURL } from 'node:url';
const require = __forkwise_createRequire(${JSON.stringify(pathToFileURL(file).href)});
const __forkwise_resolver = (url) => (specifier) => {
  if (/^(\\.{0,2}\\/|[a-z][a-z+.-]*:)/i.test(specifier)) return new URL(specifier, url).href;
  const found = __forkwise_createRequire(url).resolve(specifier);
  return __forkwise_isAbsolute(found) ? __forkwise_pathToFileURL(found).href : 'node:' + found;
};`;
}

/** Our own exports are beside this module. */
const taskExports = fileURLToPath(new URL('./task-exports.js', import.meta.url));

function entry(source: Source): string {
  const asked = JSON.stringify({ name: source.export, file: basename(source.file) });
  return `import * as module from ${JSON.stringify(source.file)};
import { taskExports } from ${JSON.stringify(taskExports)};
const task = taskExports(module, ${asked});
export default task.default;
${hooks.map((hook) => `export const ${hook} = task.${hook};`).join('\n')}
`;
}

/**
 * Own files are bundled; a package is found from the file that asks for it, and stays there. JSON and TypeScript in packages are
 * bundled: Node would ask for an attribute, or refuse. A native addon stays, and is always required.
 */
function packagesStay(source: Source): Plugin {
  return {
    name: 'packages-stay',
    setup(build: PluginBuild) {
      build.onResolve(
        { filter: /./ },
        async ({ path, kind, importer, namespace, resolveDir, with: attributes, pluginData }) => {
          if (pluginData === looked) return null;
          if (path === 'forkwise:task') return { path, namespace: 'forkwise' };
          if (kind === 'entry-point') return null;
          if (namespace === 'forkwise') return { path };
          if (namespace === 'addon' || isBuiltin(path)) return { path, external: true };
          const wanted = path.startsWith('file:') ? fileURLToPath(path) : path;
          const found = await build.resolve(wanted, {
            kind,
            importer,
            namespace,
            resolveDir,
            with: attributes,
            pluginData: looked,
          });
          if (found.errors.length > 0) return null; // esbuild says it, with the line, unless the source is prepared for it
          if (found.external || found.namespace !== 'file') return found;
          if (extname(found.path) === '.node') return { path: found.path, namespace: 'addon' };
          if (!isPackaged(found.path)) return { path: found.path };
          const required = kind === 'require-call' || kind === 'require-resolve';
          return { path: required ? found.path : pathToFileURL(found.path).href, external: true };
        },
      );
      build.onLoad({ filter: /./, namespace: 'forkwise' }, () => ({
        contents: entry(source),
        resolveDir: dirname(source.file),
      }));
      build.onLoad({ filter: /./, namespace: 'addon' }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(path)});`,
      }));
    },
  };
}

/** A resolution that the plugin itself has asked for. */
const looked = Symbol('looked');

function isPackaged(path: string): boolean {
  return path.split(sep).includes('node_modules') && /^\.[cm]?js$/.test(extname(path));
}

const loaders: Record<string, Loader> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.jsx': 'jsx',
};

/** What a file says of its own place is declared at its head, on its first line: line numbers stay as they are. */
const placesStay: Plugin = {
  name: 'places-stay',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      if (!/\bmeta\b|\b__(dir|file)name\b/.test(text)) return null;
      const [head = ''] = /^\uFEFF?(#!.*)?/.exec(text) ?? [];
      return {
        contents: `${placeOf(path)}${text.slice(head.length)}`,
        loader: loaders[extname(path)] ?? 'js',
        resolveDir: dirname(path),
      };
    });
  },
};

function placeOf(path: string): string {
  const [url, folder, file] = [pathToFileURL(path).href, dirname(path), path].map((text) =>
    JSON.stringify(text),
  );
  const meta = `{ url: ${url}, dirname: ${folder}, filename: ${file}, resolve: __forkwise_resolver(${url}) }`;
  return `var __forkwise_meta = ${meta}, __forkwise_dirname = ${folder}, __forkwise_filename = ${file}; `;
}
