import { randomUUID } from 'node:crypto';
import type { WorkloadRef } from '../../workloads/workload.js';

/** Every worker of a peer gets the task with the id of the run, which the keys of documents begin with. */
export interface PeerTask extends WorkloadRef {
  readonly runId: string;
}

export function peerTask({ name, url, options }: WorkloadRef, runId: string = randomUUID()): PeerTask {
  return { name, url, options, runId };
}
