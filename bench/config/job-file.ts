import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { UsageError } from '../errors.js';

/** A job file as it was read. Nothing in it has been checked but that it is an object. */
export interface JobFile {
  /** The path as messages show it. */
  readonly path: string;
  /** Paths in the file are relative to this folder. */
  readonly folder: string;
  readonly content: Readonly<Record<string, unknown>>;
  /** `forkwise.config.yaml:3`: the place of the value at this path of keys, with its line if it is known. */
  at(keys: readonly (string | number)[]): string;
}

const endings = ['.ts', '.js', '.json', '.yaml'];
/** These endings are read as well when `--job` names the file. */
const allEndings = [...endings, '.mts', '.cts', '.mjs', '.cjs', '.yml'];

/**
 * Returns the job file of the current folder, `forkwise.config.ts` or with another ending; null if there is
 * none.
 * @throws UsageError if there are several
 */
export function foundJobFile(): string | null {
  const found = endings.map((ending) => `forkwise.config${ending}`).filter((name) => existsSync(name));
  if (found.length > 1)
    throw new UsageError(
      `expected one job file in this folder, got ${found.join(' and ')}; choose with --job`,
    );
  return found[0] ?? null;
}

/** Reads a job file. @throws UsageError if there is none, or it cannot be read; the message says where */
export async function readJobFile(path: string): Promise<JobFile> {
  if (!existsSync(path)) throw new UsageError(`--job "${path}": there is no such file`);
  if (!statSync(path).isFile())
    throw new UsageError(`--job "${path}": expected a file, got a folder or a device`);
  const ending = extname(path);
  if (!allEndings.includes(ending))
    throw new UsageError(
      `--job "${path}": expected a file that ends in ${allEndings.join(', ')}, got "${basename(path)}"`,
    );
  const { content, lineOf } = /[jt]s$/.test(ending) ? await readModule(path) : await readText(path);
  if (typeof content !== 'object' || content === null || Array.isArray(content))
    throw new UsageError(
      `${path}: expected an object of options${/[jt]s$/.test(ending) ? ' as the default export' : ''}, ` +
        `got ${inWords(content)}`,
    );
  return {
    path,
    folder: dirname(resolve(path)),
    content: content as Record<string, unknown>,
    at(keys) {
      const line = lineOf(keys);
      return line === null ? path : `${path}:${line}`;
    },
  };
}

interface Read {
  readonly content: unknown;
  readonly lineOf: (keys: readonly (string | number)[]) => number | null;
}

/** Compiles the module as a task is compiled, and runs it. */
async function readModule(path: string): Promise<Read> {
  const { compileModule } = await import('../../workloads/task-file.js');
  const url = await compileModule(path).catch((cause: Error) => {
    throw new UsageError(`the job file does not compile: ${cause.message}`, { cause });
  });
  try {
    const module = (await import(url)) as { readonly default?: unknown };
    return { content: await module.default, lineOf: () => null };
  } catch (cause) {
    throw new UsageError(`${path}: ${(cause as Error).message}`, { cause });
  }
}

/** JSON is YAML, so one parser reads both, and knows the line of every value. */
async function readText(path: string): Promise<Read> {
  const { isMap, isPair, isSeq, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(textOf(path), {
    lineCounter: lines,
    merge: true, // groups may share what they have in common: `<<: *name`
    schema: extname(path) === '.json' ? 'json' : 'core',
    prettyErrors: false,
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new UsageError(`${path}:${line}:${col}: ${error.message}`);
  }
  return {
    content: document.toJS(),
    lineOf(keys) {
      let node: unknown = document.contents;
      let offset: number | undefined;
      for (const key of keys) {
        if (isMap(node)) {
          const pair = node.items.find((item) => isPair(item) && String(item.key) === String(key));
          offset = (pair?.key as { range?: [number] } | undefined)?.range?.[0] ?? offset;
          node = pair?.value;
        } else if (isSeq(node)) {
          node = node.items[Number(key)];
          offset = (node as { range?: [number] } | undefined)?.range?.[0] ?? offset;
        }
      }
      return offset === undefined ? null : lines.linePos(offset).line;
    },
  };
}

/** @throws UsageError */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--job "${path}": ${(cause as Error).message}`, { cause });
  }
}

/** How a value of a job file is called in a message: `"many"`, `3`, `a list`, `nothing`. */
export function inWords(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value === 'function') return 'a function';
  return typeof value === 'string' ? `"${value}"` : String(value);
}
