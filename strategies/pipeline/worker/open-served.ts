import type { LoadedWorkload } from '../../../workloads/load-workload.js';
import type { LocalReply } from '../../session/outcome.js';
import { openTask } from '../../worker/task.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { StageStart } from '../protocol.js';
import { openStages } from './open-stages.js';
import { documentOf, type Served, type ServedOptions, type StageInput, type StageReply } from './served.js';
import { sizeOf } from './size-of.js';

/** Opens the stages of a worker. A task without stages is one stage itself. */
export async function openServed(
  start: StageStart,
  { workload, stages }: { readonly workload: LoadedWorkload; readonly stages: readonly number[] },
  options: ServedOptions,
): Promise<Served> {
  return workload.stages === null
    ? openWhole(start, options)
    : openStages(start, { workload, all: workload.stages, stages }, options);
}

async function openWhole(
  { workload, services, timeoutMs }: StageStart,
  { connect, large, begins, touch, before }: ServedOptions,
): Promise<Served> {
  const worker = thisWorker();
  // Replies to short tasks are sent together, so they are copies.
  const task = await openTask(workload, {
    worker,
    results: 'snapshot',
    large,
    services,
    timeoutMs,
    connect,
    before,
  });
  return {
    call(_, [input]) {
      begins();
      const reply = task.run(documentOf(input as StageInput), touch);
      return reply instanceof Promise ? reply.then(measured) : measured(reply);
    },
    close: () => task.close(),
  };
}

function measured(reply: LocalReply): StageReply[] {
  return [{ reply, bytes: reply.status === 'ok' ? sizeOf(reply.value) : 0 }];
}
