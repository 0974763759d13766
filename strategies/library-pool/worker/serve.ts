import { taskServices } from '../../../services/task-services.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import type { Reply } from '../../session/outcome.js';
import type { CarriedDocument } from '../../session/reference.js';
import { taskError } from '../../session/task-error.js';
import type { Engine, Member, TaskError } from '../../strategy.js';
import { openTask, type TaskOptions } from '../../worker/task.js';
import { engineReport, processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';

export type Request = 'report' | 'goodbye';

export interface Answer {
  /** The worker's id, as it appears in outcomes. */
  readonly id: string;
  readonly member: Member;
  readonly engine: Engine;
  /**
   * The reason why this worker could not load its workload; null when it could. It is a value because not
   * every library reports why a worker died, and a child process that dies reports nothing.
   */
  readonly failure: TaskError | null;
}

export interface Serve {
  (document: CarriedDocument): Reply | Promise<Reply>;
  (request: Request): Promise<Answer>;
  (either: Request | CarriedDocument): Reply | Promise<Reply | Answer>;
}

interface ServeOptions extends Partial<Omit<TaskOptions, 'worker'>> {
  /** Called with the index of a document whose time limit begins again. */
  readonly touch?: (index: number) => void;
}

/** A task, and the id of the run where no services carry it. */
type ServedRef = WorkloadRef & { readonly runId?: string };

/**
 * Makes the one function that a library's workers call, whichever library it is. It takes documents, and
 * requests about the worker itself. It never rejects.
 * @param options as for `openTask`
 */
export async function serve(ref: ServedRef, { touch, ...options }: ServeOptions = {}): Promise<Serve> {
  const id = thisWorker();
  let running = 0;
  const isShared = () => running > 0;
  const { task, failure } = await openTask(ref, {
    worker: id,
    services: taskServices(ref.runId === undefined ? {} : { runId: ref.runId }),
    isShared,
    ...options,
  }).then(
    (task) => ({ task, failure: null }),
    (cause: unknown) => ({ task: null, failure: taskError(cause) }),
  );
  let closing: Promise<unknown> | undefined;
  return ((either: Request | CarriedDocument) => {
    if (typeof either === 'string') return answer(either);
    if (task === null) throw new Error(failure.message);
    const touched = touch !== undefined && task.isServed ? () => touch(either.index) : undefined;
    const reply = task.run(either, touched);
    if (!(reply instanceof Promise)) return reply;
    running++;
    return reply.finally(() => running--);
  }) as Serve;

  async function answer(request: Request): Promise<Answer> {
    // A pool that replaces a worker meanwhile may say goodbye to another one twice.
    if (request === 'goodbye') {
      closing ??= task?.close();
      await closing;
    }
    return { id, member: processReport(), engine: engineReport(id), failure };
  }
}
