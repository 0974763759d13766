import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { engineReport, processReport } from '../member.js';
import { type Reply, taskError } from '../outcome.js';
import type { Engine, Member, TaskError } from '../strategy.js';
import { type OpenTask, openTask } from '../task.js';

export type ToChild =
  | { readonly kind: 'documents'; readonly documents: readonly Document[] }
  | { readonly kind: 'report' }
  | { readonly kind: 'close' };

export type FromChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: TaskError }
  | { readonly kind: 'replies'; readonly replies: readonly Reply[] }
  | { readonly kind: 'report'; readonly member: Member; readonly engine: Engine };

const send = (message: FromChild) => process.send?.(message);

// The parent is gone: nobody wants the results.
process.on('disconnect', () => process.exit());
// Ctrl-C in a terminal reaches the whole group; the parent decides when its workers end.
process.on('SIGINT', () => {});

let task: OpenTask;
try {
  task = await openTask(JSON.parse(process.argv[2] as string) as WorkloadRef, process.pid);
} catch (cause) {
  send({ kind: 'failed', error: taskError(cause) });
  process.disconnect();
}

let last: Promise<void> = Promise.resolve();
process.on('message', (message: ToChild) => {
  last = last.then(() => serve(message));
});
send({ kind: 'ready' });

async function serve(message: ToChild): Promise<void> {
  if (message.kind === 'report') return void send({ kind: 'report', member: processReport(), engine: engineReport(process.pid) });
  if (message.kind === 'close') {
    await task.close();
    return process.disconnect();
  }
  const replies: Reply[] = [];
  for (const document of message.documents) replies.push(await task.run(document));
  send({ kind: 'replies', replies });
}
