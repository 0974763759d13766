import { createHash, hash } from 'node:crypto';
import type { Workload } from '../../workloads/workload.js';

/**
 * The key of a document by its bytes: a text of 32 characters, one per byte of the hash. Right after a task,
 * when its code is in no cache of the processor, the hash of 10 KB took 10 to 20 µs as such a text, and 31 to
 * 36 as a buffer.
 */
export function documentKey(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

/** The keys under which a document's result may be. A task may change the bytes, so they are hashed first. */
export class DocumentKeys {
  readonly plain: string;
  readonly #id: string;
  #withId: string | null = null;

  constructor({ bytes, id }: { readonly bytes: Uint8Array; readonly id: string }) {
    this.plain = documentKey(bytes);
    this.#id = id;
  }

  get withId(): string {
    this.#withId ??= createHash('sha256')
      .update(this.plain, 'latin1')
      .update('\0id\0')
      .update(this.#id)
      .digest('binary');
    return this.#withId;
  }
}

/**
 * Names the folder of a task's results: the caller's hash of the task, with what only a worker has.
 * @param task the caller's hash: see `SessionCache.task`
 * @throws what `cacheKey` throws; TypeError when it returns no text
 */
export async function taskFolder(
  task: string,
  { cacheEnv = [], cacheKey }: Pick<Workload, 'cacheEnv' | 'cacheKey'>,
  options: Readonly<Record<string, unknown>>,
): Promise<string> {
  const own: unknown = typeof cacheKey === 'function' ? await cacheKey(options) : (cacheKey ?? null);
  if (own !== null && typeof own !== 'string')
    throw new TypeError(`expected \`cacheKey\` to return a text, got a value of type ${typeof own}`);
  const environment = [...cacheEnv].sort().map((name) => [name, process.env[name] ?? null]);
  return hash('sha256', JSON.stringify([task, own, environment])).slice(0, 32);
}
