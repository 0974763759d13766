import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TaskMap } from './source-stack.js';
import { compile, type Source } from './task-compiler.js';
import { taskName } from './task-file.js';
import { type MarkedPlace, MarkedPlaces } from './task-places.js';
import { WorkloadError, type WorkloadRef } from './workload.js';

/**
 * A task for other machines: its own files in one module, with marks in the place of the names of files
 * (`task-places.ts`). The bundle is known by the SHA-256 of its bytes. Equal sources and equal versions of
 * packages give equal bytes on every machine.
 */
export interface TaskBundle {
  /** The version of this form. */
  readonly bundle: 1;
  readonly name: string;
  readonly places: readonly MarkedPlace[];
  readonly code: string;
  readonly map: string;
}

/** How another machine gets a task: it has the workload itself, or it takes the bundle with this hash. */
export type PortableTask =
  | { readonly workload: string }
  | { readonly sha256: string; readonly bytes: Uint8Array };

/** The built-in workloads are here, in files that have their names. */
const builtIn = fileURLToPath(new URL('./built-in/', import.meta.url));

/**
 * Makes a workload portable. It compiles a task again from its source, because the compiled module names
 * files of this machine.
 * @throws WorkloadError when the source has changed since the task was compiled, or does not compile
 */
export async function portable({ name, url }: Pick<WorkloadRef, 'name' | 'url'>): Promise<PortableTask> {
  const file = fileURLToPath(url);
  if (file.startsWith(builtIn)) return { workload: basename(file, '.js') };
  const source = sourceOf(file);
  if (source.file !== file) {
    const { code } = await compile(source);
    if (!readFileSync(file, 'utf8').startsWith(code))
      throw new WorkloadError(`task "${name}" has changed since it was compiled; start again`);
  }
  return bundled(source);
}

/** Bundles a task from its source. */
export async function bundled(source: Source): Promise<{ sha256: string; bytes: Uint8Array }> {
  const places = new MarkedPlaces(source.file);
  const { code, map } = await compile(source, places);
  const bundle: TaskBundle = { bundle: 1, name: taskName(source), places: places.all, code, map };
  const bytes = Buffer.from(JSON.stringify(bundle));
  return { sha256: sha256(bytes), bytes };
}

/**
 * Reads a bundle that comes from another machine.
 * @throws Error when its bytes do not have this hash, or it has another form
 */
export function readBundle(bytes: Uint8Array, expected: string): TaskBundle {
  const got = sha256(bytes);
  if (got !== expected) throw new Error(`expected a bundle with the SHA-256 ${expected}, got ${got}`);
  const bundle = JSON.parse(Buffer.from(bytes).toString()) as Partial<TaskBundle>;
  if (bundle.bundle !== 1)
    throw new Error(
      `expected a bundle of form 1, got ${bundle.bundle}; use one version of forkwise everywhere`,
    );
  return bundle as TaskBundle;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The source of a compiled task, the module itself where it was not compiled by us. */
export function sourceOf(file: string): Source {
  try {
    const { x_forkwise_task: task } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as TaskMap;
    return task ?? { file, export: 'default' };
  } catch {
    return { file, export: 'default' };
  }
}
