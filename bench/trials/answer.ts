import { endWithParent } from '../../strategies/processes/end-with-parent.js';
import { taskError } from '../../strategies/session/task-error.js';
import { type FromHelper, noticed } from './helper-protocol.js';

/**
 * The helper process's side of `Helper`: it answers every request with the value that `handle` returns or the
 * error that it throws, in the order of the requests. The process exits when its parent does.
 */
export function answerRequests<Request, T>(handle: (request: Request) => Promise<T>): void {
  endWithParent();
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

/** Notifies the parent while it waits for an answer. The promise resolves after the parent has handled it. */
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
