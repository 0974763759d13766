import workerpool from 'workerpool';
import type { Document, WorkloadRef } from '../../workloads/workload.js';
import { selfReport } from '../member.js';
import type { Member } from '../strategy.js';
import { openTask } from '../task.js';

export interface Answer {
  readonly id: number;
  readonly member: Member;
}

const task = await openTask(JSON.parse(process.argv[2] as string) as WorkloadRef, process.pid);

const report = (): Answer => ({ id: process.pid, member: selfReport() });

workerpool.worker({
  run: (document: Document) => task.run(document),
  report,
  async goodbye() {
    await task.close();
    return report();
  },
});
