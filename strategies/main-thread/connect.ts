import type { CallerEnd } from '../session/side-channel.js';
import type { Connect } from '../worker/task-end.js';
import { mainWorker } from '../worker/worker-id.js';

/**
 * Connects a task on the caller's own thread. Messages are cloned, as they are on their way to another
 * thread, and what the caller sends arrives at once.
 */
export function connectLocally(callerEnd: CallerEnd): Connect {
  return (receive) => {
    const { receive: send, ended } = callerEnd.connect(mainWorker, {
      send: (message) => receive(structuredClone(message)),
      close() {},
    });
    return { send: (message) => send(structuredClone(message)), drain() {}, close: ended };
  };
}
