import { createHash, hash } from 'node:crypto';
import type { Workload } from '../../workloads/workload.js';

/** The key of a document by its bytes, and by its id where the task reads that. */
export function documentKey(bytes: Uint8Array, id: string | null = null): Buffer {
  if (id === null) return hash('sha256', bytes, 'buffer');
  return createHash('sha256').update(bytes).update('\0id\0').update(id).digest();
}

/** The keys under which a document's result may be. A task may change the bytes, so they are hashed first. */
export class DocumentKeys {
  readonly plain: Buffer;
  readonly #id: string;
  #withId: Buffer | null = null;

  constructor({ bytes, id }: { readonly bytes: Uint8Array; readonly id: string }) {
    this.plain = documentKey(bytes);
    this.#id = id;
  }

  get withId(): Buffer {
    this.#withId ??= documentKey(this.plain, this.#id);
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
