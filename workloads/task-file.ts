import { closeSync, existsSync, openSync, statSync } from 'node:fs';
import { basename, extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { closest, distance } from 'fastest-levenshtein';
import { keep } from './task-cache.js';
import { compile, exportsOf, type Source } from './task-compiler.js';
import { thisMachine } from './task-places.js';
import { NoTemporaryFolder } from './temporary.js';
import { WorkloadError, type WorkloadRef } from './workload.js';

/**
 * A user's task, which is compiled once. Every worker loads the same bytes, and no worker loads a compiler.
 */
export interface TaskFile {
  /**
   * The name is that of the file without its ending, plus `#export` if an export was named. The URL is that
   * of the compiled module.
   */
  readonly ref: WorkloadRef;
  /** The source has this absolute path. */
  readonly file: string;
  /** Names the export that is the task: `default`, or the one that the user named. */
  readonly export: string;
  /** Identifies the compiled module. */
  readonly sha256: string;
}

const endings = ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'];

/**
 * Compiles a task module, TypeScript or JavaScript, and keeps it in the user's cache folder. Does not run it.
 * @param task is `./parse.ts`, or `./parse.ts#clean` where the task is another export than the default one
 * @param options the task gets these as `context.options`
 * @param role messages call the module this
 * @throws WorkloadError when there is no such file or export, or it does not compile; the message says where
 * and what to do
 * @throws TypeError when it is not a path, for example a function
 */
export async function compileTask(
  task: string | URL,
  options: WorkloadRef['options'] = {},
  role: 'task' | 'reduce' = 'task',
): Promise<TaskFile> {
  const source = locateTask(task, role);
  const { file, export: name } = source;
  try {
    const known = name === 'default' ? null : await exportsOf(source);
    if (known !== null && !known.includes(name))
      throw new WorkloadError(`${role} "${shown(task)}": ${unknownExport(name, known)}`);
    const { path, sha256 } = keep(taskName(source), await compile(source));
    return {
      ref: { name: taskName(source), url: pathToFileURL(path).href, options },
      file,
      export: name,
      sha256,
    };
  } catch (cause) {
    if (cause instanceof WorkloadError || cause instanceof NoTemporaryFolder) throw cause;
    throw new WorkloadError(`${role} "${shown(task)}" does not compile: ${(cause as Error).message}`, {
      cause,
    });
  }
}

/**
 * Compiles any module of the user as a task is compiled, and keeps it.
 * @returns the URL of the compiled module
 * @throws Error that says where it does not compile
 */
export async function compileModule(path: string): Promise<string> {
  const source = { file: resolve(path), export: 'default' };
  return pathToFileURL(keep(taskName(source), await compile(source, thisMachine, source.file)).path).href;
}

/** Finds the source without reading its text. @throws as `compileTask` does */
export function locateTask(task: string | URL, role = 'task'): Source {
  const { path, name } = typeof task === 'string' ? fromText(task) : fromUrl(task);
  const file = resolve(path);
  const refuse = (what: string): never => {
    throw new WorkloadError(`${role} "${shown(task)}": ${what}`);
  };
  if (name === '') refuse('expected the name of an export after "#", got nothing');
  if (!existsSync(file)) refuse(`there is no such file (looked for ${file})`);
  if (statSync(file).isDirectory()) refuse('expected a module, got a folder; name the file in it');
  if (!endings.includes(extname(file)))
    refuse(`expected a module that ends in ${endings.join(', ')}, got "${basename(file)}"`);
  const reason = unreadable(file);
  if (reason !== null)
    throw new WorkloadError(`${role} "${shown(task)}" cannot be read: ${reason}; let this user read it`);
  return { file, export: name };
}

/** Says why a file cannot be opened; null if it can. The compiler would blame the source for it. */
function unreadable(file: string): string | null {
  try {
    closeSync(openSync(file, 'r'));
    return null;
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    return code === 'EACCES' ? 'permission denied' : message;
  }
}

export function taskName({ file, export: name }: Source): string {
  return `${basename(file, extname(file))}${name === 'default' ? '' : `#${name}`}`;
}

/** Splits path and export. A `#` may be part of a file's own name. */
function fromText(task: string): { path: string; name: string } {
  if (task.startsWith('file:')) return fromUrl(new URL(task));
  const at = task.lastIndexOf('#');
  if (at < 0 || existsSync(task)) return { path: task, name: 'default' };
  return { path: task.slice(0, at), name: task.slice(at + 1) };
}

function fromUrl(task: unknown): { path: string; name: string } {
  if (!(task instanceof URL)) throw new TypeError(notAPath(task));
  if (task.protocol !== 'file:')
    throw new TypeError(`expected a file URL of a task module, got "${task.href}"`);
  return {
    path: fileURLToPath(task),
    name: task.hash === '' ? 'default' : decodeURIComponent(task.hash.slice(1)),
  };
}

function notAPath(task: unknown): string {
  const expected =
    "expected the path or URL of a task module, like './parse.ts' or new URL('./parse.ts', import.meta.url)";
  if (typeof task !== 'function')
    return `${expected}, got ${task === null ? 'null' : `a value of type ${typeof task}`}`;
  return (
    `${expected}, got a function; a function cannot be sent to a worker, because its closure and ` +
    'its imports stay behind: put it into a file of its own, as the default export'
  );
}

function unknownExport(name: string, known: readonly string[]): string {
  const near = closest(name, known);
  const hint =
    known.length > 0 && distance(name, near) <= Math.max(2, name.length / 3)
      ? `; did you mean "${near}"?`
      : '';
  const list = known.length > 0 ? known.join(', ') : 'nothing';
  return `there is no export "${name}"${hint} (it exports: ${list})`;
}

function shown(task: string | URL): string {
  return typeof task === 'string' ? task : task.href;
}
