import workerpool from 'workerpool';
import { loadWorkload } from '../../../workloads/load-workload.js';
import type { Document } from '../../../workloads/workload.js';
import type { Member } from '../../strategy.js';
import { processReport } from '../../worker/usage-report.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { PeerTask } from '../peer-task.js';
import { plainContexts } from './plain-context.js';

export interface Answer {
  readonly id: string;
  readonly member: Member;
}

const ref = JSON.parse(process.argv[2] as string) as PeerTask;
const stop = new AbortController();
const loading = (async () => {
  const workload = await loadWorkload(ref);
  const state = await workload.setup?.(ref.options);
  return { workload, state, contextOf: plainContexts(ref, { state, signal: stop.signal }) };
})();
// `report` rejects with the reason why the workload does not load: a child that dies would report nothing.
const loaded = await loading.catch(() => null);

const report = async (): Promise<Answer> => {
  await loading;
  return { id: thisWorker(), member: processReport() };
};

workerpool.worker({
  /** This is the task itself, without any wrapping. */
  run: (document: Document): unknown => loaded?.workload.default(document, loaded.contextOf(document)),
  report,
  async goodbye(): Promise<Answer> {
    stop.abort();
    await loaded?.workload.teardown?.(loaded.state);
    return report();
  },
});
