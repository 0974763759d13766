import { setImmediate } from 'node:timers';

/** Streams and ports belong to the worker itself, and requests of the file system end by themselves. */
const own = /^(TTY|Pipe|Signal)Wrap$|^MessagePort$|^FSReq|^CloseReq$|^Immediate$/;

/** Counts what keeps this thread's event loop alive, by kind: `Timeout`, `TCPServerWrap`. */
export type OpenResources = ReadonlyMap<string, number>;

export function openResources(): OpenResources {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (!own.test(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

/**
 * Warns of what the task has opened since then, and has not closed: it would keep the worker alive if that
 * were not ended. Resolves when the warning has been printed.
 */
export async function warnOfLeftOpen(before: OpenResources): Promise<void> {
  const left = [...openResources()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more <= 0 ? [] : [more === 1 ? kind : `${kind} × ${more}`];
  });
  if (left.length === 0) return;
  process.emitWarning(
    `the task left something open in a worker (${left.join(', ')}); its teardown should close it`,
  );
  await new Promise((resolve) => setImmediate(resolve));
}
