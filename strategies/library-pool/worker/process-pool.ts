import workerpool from 'workerpool';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type Reply, taskError } from '../../session/outcome.js';
import type { Engine, Member, TaskError } from '../../strategy.js';
import { openTask } from '../../worker/task.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';

export interface Answer {
  readonly id: string;
  readonly member: Member;
  readonly engine: Engine;
  /** Why this worker could not load its workload; null when it could. Told as a value: a child that dies tells nothing. */
  readonly failure: TaskError | null;
}

// Ctrl-C in a terminal reaches the whole group; the parent decides when its workers end.
process.on('SIGINT', () => {});

const worker = thisWorker();
const { task, failure } = await openTask(JSON.parse(process.argv[2] as string) as WorkloadRef, worker).then(
  (task) => ({ task, failure: null }),
  (cause: unknown) => ({ task: null, failure: taskError(cause) }),
);

const report = (): Answer => ({
  id: worker,
  member: processReport(),
  engine: engineReport(worker),
  failure,
});

workerpool.worker({
  run(document: Document): Reply | Promise<Reply> {
    if (task === null) throw new Error(failure.message);
    return task.run(document);
  },
  report,
  async goodbye() {
    await task?.close();
    return report();
  },
});
