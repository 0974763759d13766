import { clearTimeout, setTimeout } from 'node:timers';
import { withoutPassword } from '../../strategies/broker/address.js';
import type { WorkloadRef } from '../../workloads/workload.js';

/** A start that takes longer is said to be slow, ms. */
const slowStartMs = 10_000;
/** The note about a broker comes after the error that none answers, which takes 10 s, ms. */
const noAgentMs = 12_000;

export interface SlowStartOptions {
  readonly say: (text: string) => void;
  /** The job waits for agents at this broker. Null: its workers start here. */
  readonly broker: string | null;
  readonly task: Pick<WorkloadRef, 'name' | 'url'>;
  /** Absent: 10 s, or 12 s with a broker. */
  readonly afterMs?: number;
}

/** Waits for a session that opens, and says once if it takes long: a `setup` that hangs is silent itself. */
export async function noteSlowStart<Opened>(
  opening: Promise<Opened>,
  { say, broker, task, afterMs = broker === null ? slowStartMs : noAgentMs }: SlowStartOptions,
): Promise<Opened> {
  let isOver = false;
  const timer = setTimeout(async () => {
    const why =
      broker === null
        ? 'workers are still loading the task, or are in its `setup`'
        : await noAgent(broker, task);
    if (!isOver) say(`no document has begun after ${afterMs / 1000} s: ${why}; Ctrl-C ends the job`);
  }, afterMs).unref();
  try {
    return await opening;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}

async function noAgent(broker: string, task: SlowStartOptions['task']): Promise<string> {
  const { portable } = await import('../../workloads/task-bundle.js'); // the compiler loads slowly
  const code = await portable(task).catch(() => null); // the source has changed
  const accepted = code === null ? '<sha256>' : 'workload' in code ? code.workload : code.sha256;
  return (
    'no agent has joined yet; start one on each machine with ' +
    `forkwise agent --broker ${withoutPassword(broker)} --accept ${accepted}`
  );
}
