import { taskError } from '../../strategies/session/outcome.js';
import { type FromHelper, noticed } from './helper-protocol.js';

/**
 * The helper's side of `Helper`: answers every request with what `handle` returns or throws, in order, and ends with
 * its parent.
 */
export function answerRequests<Request, T>(handle: (request: Request) => Promise<T>): void {
  process.on('disconnect', () => process.exit());
  process.on('message', async (message: Request | typeof noticed) => {
    if (message === noticed) return;
    let answer: FromHelper<T, never>;
    try {
      answer = { kind: 'answer', value: await handle(message as Request) };
    } catch (cause) {
      answer = { kind: 'error', error: taskError(cause) };
    }
    process.send?.(answer);
  });
}

/** Tells the parent something while it waits for an answer; resolves when the parent has dealt with it. */
export function notify<Notice>(notice: Notice): Promise<void> {
  return new Promise((resolve) => {
    const listen = (message: unknown) => {
      if (message !== noticed) return;
      process.off('message', listen);
      resolve();
    };
    process.on('message', listen);
    process.send?.({ kind: 'notice', notice } satisfies FromHelper<never, Notice>);
  });
}
