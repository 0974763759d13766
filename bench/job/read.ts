import { readFile } from 'node:fs/promises';

/** A file to process; `id` is how its line is named. */
export interface Source {
  readonly id: string;
  readonly path: string;
}

/** Files that are read before they are asked for: as many as libuv's threads answer in about the time of one document. */
const ahead = 16;

/**
 * Reads files in their order, a few ahead of who takes them. One that cannot be read is told and left out. When `stop` aborts, no
 * further document comes.
 */
export async function* readFiles(
  sources: readonly Source[],
  {
    stop,
    unreadable,
  }: { readonly stop: AbortSignal; readonly unreadable: (id: string, cause: Error) => void },
): AsyncGenerator<{ id: string; bytes: Uint8Array }, void, undefined> {
  const reading: Promise<{ id: string; bytes: Uint8Array } | { id: string; cause: Error }>[] = [];
  let next = 0;
  for (;;) {
    while (reading.length < ahead && next < sources.length) reading.push(read(sources[next++] as Source));
    const found = await reading.shift();
    if (found === undefined || stop.aborted) return;
    if ('bytes' in found) yield found;
    else unreadable(found.id, found.cause);
  }
}

async function read({
  id,
  path,
}: Source): Promise<{ id: string; bytes: Uint8Array } | { id: string; cause: Error }> {
  try {
    return { id, bytes: await readFile(path) };
  } catch (cause) {
    return { id, cause: cause as Error };
  }
}
