import { readFile } from 'node:fs/promises';
import { createRequire, isBuiltin, type SourceMapPayload } from 'node:module';
import { basename, dirname, extname, isAbsolute, join, relative, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type {
  BuildFailure,
  BuildOptions,
  BuildResult,
  Loader,
  Location,
  Message,
  Plugin,
  PluginBuild,
} from 'esbuild';
import { computedImports } from './compiler/computed-imports.js';
import { keptNames } from './compiler/kept-names.js';
import type { TaskMap } from './source-stack.js';
import { hooks } from './task-exports.js';
import { type Places, thisMachine } from './task-places.js';

/** Only this module knows esbuild. It is imported when there is something to compile. */

export interface Source {
  readonly file: string;
  /** Name of the export that is the task. */
  readonly export: string;
}

/**
 * Bundles a task's own files into one ES module that works in any folder. Packages are not bundled, and the
 * values of `import.meta.url` and `__dirname` in each file stay those of its source.
 * @param places names the files; the names of another machine are put in later (`task-places.ts`)
 * @param entry the module that is compiled: that of a task's exports, or the source itself
 * @throws Error with the compiler's message, file, line and column, and what to do
 */
export async function compile(
  source: Source,
  places: Places = thisMachine,
  entry = 'forkwise:task',
): Promise<{ readonly code: string; readonly map: string }> {
  const files: Files = new Map();
  const { outputFiles = [] } = await build(
    { entryPoints: [entry], sourcemap: 'external', sourcesContent: false },
    { source, files, places },
  );
  const text = (ending: string) => outputFiles.find(({ path }) => path.endsWith(ending))?.text ?? '';
  const map = JSON.parse(text('.map')) as SourceMapPayload;
  const ours = taskMap(map, { source, files, places });
  const head = banner(source.file, places).split('\n').length;
  const code = computedImports(text('.mjs'), { map, sources: ours.sources, head });
  return { code: code + keptNames(code, map), map: JSON.stringify(ours) };
}

/** The task's own files. The first line of each was moved to the right by this many columns. */
type Files = Map<string, number>;

/** Names the task's sources by absolute URLs. */
function taskMap(map: SourceMapPayload, { source, files, places }: Build): TaskMap {
  const urls = map.sources.map((source) => new URL(source, map.sourceRoot).href);
  return {
    ...map,
    sourceRoot: '',
    sources: urls.map((url) => (url.startsWith('file:') ? places.url(fileURLToPath(url)) : null)),
    x_forkwise_files: Object.fromEntries([...files].map(([path, moved]) => [places.path(path), moved])),
    x_forkwise_task: { file: places.path(source.file), export: source.export },
  };
}

/**
 * Lists the names that a source exports. The result is null where only loading the source would show them:
 * for CommonJS, and for `export *` from a package.
 */
export async function exportsOf(source: Source): Promise<readonly string[] | null> {
  const { metafile, outputFiles = [] } = await build(
    { entryPoints: [source.file], metafile: true },
    { source, files: new Map(), places: thisMachine },
  );
  const [output] = Object.values(metafile?.outputs ?? {});
  const input = metafile?.inputs[output?.entryPoint ?? ''];
  if (input?.format !== 'esm' || /^export \* from/m.test(outputFiles[0]?.text ?? '')) return null;
  return output?.exports ?? null;
}

function optionsFor({ source, files, places }: Build) {
  return {
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node20.19', // the oldest supported Node, so that all versions get the same bytes
    conditions: ['node-addons', 'module-sync'], // Node's own, without the bundlers' `module`
    charset: 'utf8',
    ignoreAnnotations: true, // an import for its side effects is kept, whatever package.json says
    // comments in the output name files relative to this folder, so they are equal in any working directory
    absWorkingDir: dirname(source.file),
    outfile: join(dirname(source.file), 'task.mjs'), // never written; the source map's paths begin here
    sourceRoot: pathToFileURL(`${dirname(source.file)}${sep}`).href,
    define: {
      'import.meta': '__forkwise_meta',
      __dirname: '__forkwise_dirname',
      __filename: '__forkwise_filename',
    },
    banner: { js: banner(source.file, places) },
    logLevel: 'silent',
    plugins: [packagesStay(source, places), placesStay(files, places)],
  } as const satisfies BuildOptions;
}

interface Build {
  readonly source: Source;
  /** This list is empty until the build has loaded them. */
  readonly files: Files;
  readonly places: Places;
}

let busy = 0;

/** Runs esbuild, and stops its process afterwards, which would otherwise live as long as ours. */
async function build(options: BuildOptions, of: Build): Promise<BuildResult> {
  // `import` would first look through all of its code for names of exports, which is slow.
  const esbuild = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  busy++;
  try {
    return await esbuild.build({ ...optionsFor(of), ...options });
  } catch (cause) {
    const { errors } = cause as Partial<BuildFailure>;
    if (errors === undefined || errors.length === 0)
      throw new Error(`the compiler did not run: ${(cause as Error).message}`, { cause });
    throw new Error(messageOf(errors, of), { cause });
  } finally {
    if (--busy === 0) await esbuild.stop();
  }
}

/** At most this many errors of the compiler are shown. */
const maxErrors = 3;

function messageOf(errors: readonly Message[], of: Build): string {
  const lines = errors
    .slice(0, maxErrors)
    .map(({ text, location }) => `${location === null ? '' : placeIn(location, of)}${text}; ${remedy(text)}`);
  return [...lines, ...(errors.length > maxErrors ? [`and ${errors.length - maxErrors} more`] : [])].join(
    '\n',
  );
}

/** The compiler counts columns in bytes from 0; ours are characters from 1, as in stacks. */
function placeIn({ file, line, column, lineText }: Location, { source, files }: Build): string {
  const path = join(dirname(source.file), file);
  const characters = Buffer.from(lineText).subarray(0, column).toString().length;
  const added = line === 1 ? (files.get(path) ?? 0) : 0;
  return `${shortest(path)}:${line}:${characters - added + 1}: `;
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
 * Returns the head of the compiled module. It defines `require`, for CommonJS that is not bundled or has a
 * computed name, and `import.meta.resolve` and `import` of a computed name for each of the task's own files.
 */
function banner(file: string, places: Places): string {
  return `import { createRequire as __forkwise_createRequire } from 'node:module';
import { isAbsolute as __forkwise_isAbsolute } from 'node:path';
import { pathToFileURL as __forkwise_pathToFileURL } from 'node:url';
const require = __forkwise_createRequire(${JSON.stringify(places.url(file))});
const __forkwise_resolver = (url) => (specifier) => {
  if (/^(\\.{0,2}\\/|[a-z][a-z+.-]*:)/i.test(specifier)) return new URL(specifier, url).href;
  const found = __forkwise_createRequire(url).resolve(specifier);
  return __forkwise_isAbsolute(found) ? __forkwise_pathToFileURL(found).href : 'node:' + found;
};
const __forkwise_importer = (url) => async (name, options) =>
  import(__forkwise_resolver(url)(name), options);`;
}

/** The module that finds a task's exports is beside this one. */
const taskExports = new URL('./task-exports.js', import.meta.url);

function entry(source: Source): string {
  const asked = JSON.stringify({ name: source.export, file: basename(source.file) });
  return `import * as module from ${JSON.stringify(source.file)};
import { taskExports } from 'forkwise:task-exports';
const task = taskExports(module, ${asked});
export default task.default;
${hooks.map((hook) => `export const ${hook} = task.${hook};`).join('\n')}
`;
}

/**
 * Bundles the task's own files. A package is resolved from the file that imports it and is not bundled. JSON
 * and TypeScript in packages are bundled, because Node would demand an import attribute or refuse them. A
 * native addon is not bundled, and it is always loaded with `require`.
 */
function packagesStay(source: Source, places: Places): Plugin {
  return {
    name: 'packages-stay',
    setup(build: PluginBuild) {
      build.onResolve(
        { filter: /./ },
        async ({ path, kind, importer, namespace, resolveDir, with: attributes, pluginData }) => {
          if (pluginData === looked) return null;
          if (path.startsWith('forkwise:')) return { path, namespace: 'forkwise' };
          if (kind === 'entry-point') return null;
          if (namespace === 'forkwise') return null;
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
          // esbuild reports the error with its line, unless the source catches it
          if (found.errors.length > 0) return null;
          if (found.external || found.namespace !== 'file') return found;
          if (extname(found.path) === '.node') return { path: found.path, namespace: 'addon' };
          if (!isPackaged(found.path)) return wanted === path ? null : { path: found.path };
          const required = kind === 'require-call' || kind === 'require-resolve';
          return {
            path: required ? places.path(found.path, importer) : places.url(found.path, importer),
            external: true,
          };
        },
      );
      build.onLoad({ filter: /./, namespace: 'forkwise' }, async ({ path }) => ({
        contents: path === 'forkwise:task' ? entry(source) : await readFile(taskExports, 'utf8'),
        resolveDir: dirname(source.file),
      }));
      build.onLoad({ filter: /./, namespace: 'addon' }, ({ path }) => ({
        contents: `module.exports = require(${JSON.stringify(places.path(path))});`,
      }));
    },
  };
}

/** Marks a resolution that the plugin itself has asked for. */
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

/**
 * Declares `import.meta` and `__dirname` of a file at the head of its first line, so that line numbers do not
 * change.
 */
function placesStay(files: Files, places: Places): Plugin {
  return {
    name: 'places-stay',
    setup(build) {
      build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, async ({ path }) => {
        const text = await readFile(path, 'utf8');
        files.set(path, 0);
        if (!/\bmeta\b|\b__(dir|file)name\b/.test(text)) return null;
        const [head = ''] = /^\uFEFF?(#!.*)?/.exec(text) ?? [];
        const place = placeOf(path, places);
        files.set(path, place.length - head.length);
        return {
          contents: `${place}${text.slice(head.length)}`,
          loader: loaders[extname(path)] ?? 'js',
          resolveDir: dirname(path),
        };
      });
    },
  };
}

function placeOf(path: string, places: Places): string {
  const [url, folder, file] = [places.url(path), places.path(dirname(path)), places.path(path)].map((text) =>
    JSON.stringify(text),
  );
  const meta = `{ url: ${url}, dirname: ${folder}, filename: ${file}, resolve: __forkwise_resolver(${url}) }`;
  return `var __forkwise_meta = ${meta}, __forkwise_dirname = ${folder}, __forkwise_filename = ${file}; `;
}
