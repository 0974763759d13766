import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { WorkloadError, type WorkloadRef } from './workload.js';

/** A task in a file of the user's own. */
export interface TaskFile {
  readonly ref: WorkloadRef;
  readonly file: string;
  readonly export: string;
  readonly sha256: string;
}

/**
 * Finds a task by `./parse.js` or `./parse.js#default`, from the folder the process is in, or by URL.
 * @throws WorkloadError when there is no such file; TypeError for a function.
 */
export async function compileTask(task: string | URL): Promise<TaskFile> {
  if (typeof task === 'function')
    throw new TypeError(
      "expected task to be the path of a module, like './parse.js', got a function: a worker cannot be given one, for what it closes over does not cross threads and processes; put it in a file of its own, as its default export",
    );
  if (typeof task !== 'string' && !(task instanceof URL))
    throw new TypeError(`expected task to be the path or URL of a module, got ${task === null ? 'null' : `a ${typeof task}`}`);
  const [path, name = 'default'] = String(task).split('#') as [string, string?];
  const file = /^file:/.test(path) ? fileURLToPath(path) : resolve(path);
  let text: Buffer;
  try {
    text = await readFile(file);
  } catch (cause) {
    throw new WorkloadError(`task "${task}": expected a file, but it cannot be read: ${(cause as Error).message}`, { cause });
  }
  if (name !== 'default') throw new WorkloadError(`task "${task}": expected the default export, got "${name}"`);
  const ref = { name: basename(file, extname(file)), url: pathToFileURL(file).href, options: {} };
  return { ref, file, export: name, sha256: createHash('sha256').update(text).digest('hex') };
}
