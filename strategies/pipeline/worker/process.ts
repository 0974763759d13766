import { loadWorkload } from '../../../workloads/load-workload.js';
import { endWithParent } from '../../processes/end-with-parent.js';
import { BufferGarbage } from '../../session/buffer-garbage.js';
import { taskError } from '../../session/task-error.js';
import { connectProcess } from '../../worker/connect.js';
import { filedParts } from '../../worker/filed-parts.js';
import { sendLastWords } from '../../worker/last-words.js';
import { openResources } from '../../worker/left-open.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { FromStage, StageStart, ToStage } from '../protocol.js';
import { openServed } from './open-served.js';
import { serve } from './serve.js';
import type { Served } from './served.js';

/** This module is the side of a process in `protocol.ts`. */

const start = JSON.parse(process.argv[2] as string) as StageStart;
const garbage = new BufferGarbage(start.garbageBytes);

/** Resolves when the system has the message: a reply must not wait until the next call ends. */
const send = (message: FromStage) =>
  new Promise<unknown>((resolve) => process.send?.(message, undefined, undefined, resolve));

endWithParent(); // the results have no receiver then
// On Windows, Ctrl-C in a terminal reaches all processes; the parent decides when its workers end.
process.on('SIGINT', () => {});

sendLastWords();

const before = openResources();
let served: Served;
try {
  const workload = await loadWorkload(start.workload);
  served = await openServed(
    start,
    { workload, stages: start.stages as readonly number[] },
    {
      connect: connectProcess,
      large: filedParts(start.workers, (offer) => void send(offer)),
      begins() {},
      touch: () => void send({ kind: 'touched' }),
      before,
    },
  );
} catch (cause) {
  await send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToStage) => {
  // The side channel has its own listener, and its messages must not wait for a call.
  if (message.kind !== 'channel') last = last.then(() => take(message));
});
await send({ kind: 'ready' });

async function take(message: ToStage): Promise<void> {
  if (message.kind === 'run') {
    if (message.isWatched) await send({ kind: 'began' });
    const { replies } = await serve(served, message, null);
    await send(replies);
    garbage.look();
  } else if (message.kind === 'report')
    await send({ kind: 'report', member: processReport(), engine: engineReport(thisWorker()) });
  else if (message.kind === 'close') {
    await served.close();
    process.disconnect();
    process.exit(); // whatever the task has left open
  }
}
