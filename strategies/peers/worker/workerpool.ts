import workerpool from 'workerpool';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { contextWithoutSession, type Document, type WorkloadRef } from '../../../workloads/workload.js';
import type { Member } from '../../strategy.js';
import { processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';

export interface Answer {
  readonly id: string;
  readonly member: Member;
}

const ref = JSON.parse(process.argv[2] as string) as WorkloadRef;
const stop = new AbortController();
const loading = (async () => {
  const workload = await loadWorkload(ref);
  return {
    workload,
    context: contextWithoutSession({
      state: await workload.setup?.(ref.options),
      options: ref.options,
      signal: stop.signal,
    }),
  };
})();
// `report` rejects with the reason why the workload does not load: a child that dies would report nothing.
const loaded = await loading.catch(() => null);

const report = async (): Promise<Answer> => {
  await loading;
  return { id: thisWorker(), member: processReport() };
};

workerpool.worker({
  /** This is the task itself, without any wrapping. */
  run: (document: Document): unknown => loaded?.workload.default(document, loaded.context),
  report,
  async goodbye(): Promise<Answer> {
    stop.abort();
    await loaded?.workload.teardown?.(loaded.context.state);
    return report();
  },
});
