import { readFile } from 'node:fs/promises';

/** A file of the job; `id` is the name in its line. */
export interface JobFile {
  readonly id: string;
  readonly path: string;
}

interface Content {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** Files that are read ahead: about as many as the threads of libuv read in the time of one document. */
const ahead = 16;

/**
 * Reads files in their order, a few ahead of the caller. A file that cannot be read is reported to
 * `unreadable` and left out. When `stop` aborts, no further document comes.
 */
export async function* readFiles(
  files: readonly JobFile[],
  {
    stop,
    unreadable,
  }: { readonly stop: AbortSignal; readonly unreadable: (id: string, cause: Error) => void },
): AsyncGenerator<Content, void, undefined> {
  const reading: ReturnType<typeof read>[] = [];
  let next = 0;
  for (;;) {
    while (reading.length < ahead && next < files.length) reading.push(read(files[next++] as JobFile));
    const found = await reading.shift();
    if (found === undefined || stop.aborted) return;
    if ('bytes' in found) yield found;
    else unreadable(found.id, found.cause);
  }
}

async function read({
  id,
  path,
}: JobFile): Promise<Content | { readonly id: string; readonly cause: Error }> {
  try {
    return { id, bytes: await readFile(path) };
  } catch (cause) {
    return { id, cause: cause as Error };
  }
}
