import broker from '../../../strategies/broker/broker.js';
import independentProcesses from '../../../strategies/peers/independent-processes.js';
import type { Session } from '../../../strategies/strategy.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';

/** Compares rates on one machine, in short runs that take turns, so that other load meets all of them. */

/** Documents of these tasks are empty: only the task takes time. */
const task = (name: string, options: WorkloadRef['options']): WorkloadRef => ({
  name,
  url: new URL(`../../../workloads/built-in/${name}.js`, import.meta.url).href,
  options,
});

/** Takes about 10 ms of one core per document. */
const spin = task('spin', { iterations: 4_000_000 });
const waits = task('sleep', { milliseconds: 20 });

/** Returns the rate of two agents with one worker each, as a share of two independent processes'. */
export async function shareOfLimit({ documents, rounds }: Runs): Promise<number> {
  const limit = await independentProcesses.open(spin, { workers: 2, delivery: 'message' });
  const agents = await openAgents(spin, 2);
  const sessions = [limit, agents];
  try {
    const [limitMs, agentsMs] = await medianMs(sessions, [documents, documents], rounds);
    return (limitMs as number) / (agentsMs as number);
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

/** Returns the rates of one, two and four agents whose task waits, each as a share of its proportion. */
export async function sharesOfProportion({ documents, rounds }: Runs): Promise<number[]> {
  const counts = [1, 2, 4];
  const sessions = await Promise.all(counts.map((agents) => openAgents(waits, agents)));
  try {
    const medians = await medianMs(
      sessions,
      counts.map((agents) => agents * documents),
      rounds,
    );
    return medians.map((ms) => (medians[0] as number) / ms);
  } finally {
    await Promise.all(sessions.map((session) => session.close()));
  }
}

export interface Runs {
  /** One run has this many documents. */
  readonly documents: number;
  readonly rounds: number;
}

function openAgents(task: WorkloadRef, agents: number): Promise<Session> {
  return broker.open(task, { workers: agents, delivery: 'message', broker: { agents } });
}

/** Runs each session once per round, after one run that does not count. Returns the median of each, ms. */
async function medianMs(
  sessions: readonly Session[],
  documents: readonly number[],
  rounds: number,
): Promise<number[]> {
  const tookMs: number[][] = sessions.map(() => []);
  for (let round = 0; round <= rounds; round++)
    for (const [i, session] of sessions.entries()) {
      const startedMs = performance.now();
      await session.run(emptyDocuments(documents[i] as number), () => {});
      if (round > 0) tookMs[i]?.push(performance.now() - startedMs);
    }
  return tookMs.map((times) => times.sort((a, b) => a - b)[times.length >> 1] as number);
}

function* emptyDocuments(count: number): Generator<Document> {
  for (let index = 0; index < count; index++)
    yield { index, id: `document-${index}`, size: 0, bytes: new Uint8Array() };
}
