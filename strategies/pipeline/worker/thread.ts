import { workerData } from 'node:worker_threads';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { BufferGarbage } from '../../session/buffer-garbage.js';
import { now } from '../../worker/clock.js';
import { connectThread } from '../../worker/connect.js';
import { openResources } from '../../worker/left-open.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import { Board } from '../board.js';
import { descriptionsOf } from '../description.js';
import type { FromStage, ThreadStart, ToStage } from '../protocol.js';
import { openServed } from './open-served.js';
import { serve } from './serve.js';
import type { Served } from './served.js';

/** This module is the side of a thread in `protocol.ts`. */

const start = workerData as ThreadStart;
const { port } = start;
const garbage = new BufferGarbage(start.garbageBytes);
const board = new Board(start.board);
const send = (message: FromStage, moved: readonly ArrayBuffer[] = []) => port.postMessage(message, moved);

const before = openResources();
// An error thrown here ends the thread, and the controller hears of it.
const workload = await loadWorkload(start.workload);
const stages = start.stages ?? (await assigned());
const isLimited =
  start.timeoutMs !== undefined || workload.stages?.some(({ timeoutMs }) => timeoutMs !== undefined) === true;
/** The time counts where calls have a limit. Elsewhere any time says that a call has begun. */
const beginCall = isLimited ? () => board.beginCall(now()) : () => board.beginCall(1);
const served: Served = await openServed(
  start,
  { workload, stages },
  {
    connect: connectThread,
    large: 'move',
    begins: beginCall,
    touch: beginCall,
    before,
  },
);

let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToStage) => {
  last = last.then(() => take(message));
});
send({ kind: 'ready' });

async function take(message: ToStage): Promise<void> {
  if (message.kind === 'run') {
    const { replies, moved } = await serve(served, message, board);
    send(replies, moved);
    garbage.look();
  } else if (message.kind === 'report')
    send({ kind: 'report', member: processReport(), engine: engineReport(thisWorker()) });
  else if (message.kind === 'close') {
    await served.close();
    port.close();
    process.exit(); // whatever the task has left open
  }
}

/** Tells the controller which stages there are, and waits until it hears which of them this thread serves. */
function assigned(): Promise<readonly number[]> {
  send({ kind: 'described', stages: descriptionsOf(workload.stages) });
  return new Promise((resolve) => {
    port.once('message', (message: ToStage) => {
      if (message.kind === 'open') resolve(message.stages);
      else process.exit();
    });
  });
}
