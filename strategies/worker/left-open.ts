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
  // The handle of a process that has ended is still being closed; it is gone after a turn or two.
  for (let turns = 0; turns < closingTurns && leftOpen(before).length > 0; turns++) await turn();
  const left = leftOpen(before);
  if (left.length === 0) return;
  process.emitWarning(
    `the task left something open in a worker (${left.join(', ')}); its teardown should close it`,
  );
  await turn();
}

/** Number of turns of the event loop in which something that is being closed may still seem open. */
const closingTurns = 3;

function leftOpen(before: OpenResources): string[] {
  return [...openResources()].flatMap(([kind, count]) => {
    const more = count - (before.get(kind) ?? 0);
    return more <= 0 ? [] : [more === 1 ? kind : `${kind} × ${more}`];
  });
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
