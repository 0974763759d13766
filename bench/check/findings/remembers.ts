import { measuredRunId } from '../../../services/task-services.js';
import type { Strategy } from '../../../strategies/strategy.js';
import type { Document, WorkloadRef } from '../../../workloads/workload.js';
import { type CorpusFile, readCorpus } from '../../trials/corpus-file.js';
import { copyOf } from '../../trials/supply.js';
import { number } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';
import { inFreshProcess } from '../lab.js';
import { median } from '../words.js';

/** Later passes cost less than this share of the first one … */
const maxShare = 0.1;
/** … and at least this much less per document. Compiling explains neither after half of the documents. */
const minLessMs = 5;
/** If there are fewer documents, code is still being compiled in the second half of the first pass. */
const minDocuments = 12;
/** This share of the documents must show it: compiling makes some documents slow, remembering all. */
const minShowing = 0.9;

const row: Row = {
  id: 'remembers',
  level: 'warning',
  when: 'later passes take less than 10 % of the first, and at least 5 ms per document less',
  remedy:
    'every rate that is measured on repeated documents is the speed of a look-up: measure with a task that ' +
    'forgets, or export `setup` and keep nothing between documents',
};

export default {
  rows: [row],
  async measure({ main: { passes }, timeoutMs }, lab) {
    const { task: workload, corpus, inTime, strategies } = lab;
    const measured = passes.map((facts) => inTime.map((index) => facts[index]?.taskMs ?? 0));
    if (forgets(measured)) return [];
    const request: RemembersRequest = { workload, strategy: strategies.baseline, corpus, inTime };
    const again = await inFreshProcess<number[][]>(
      lab,
      { module: import.meta.url, request },
      10_000 + timeoutMs,
    ).catch(() => null);
    if (again === null) return [];
    // A busy machine makes times longer, never shorter: the shorter one of two is nearer to the task's own.
    const shorter = measured.map((pass, p) => pass.map((ms, i) => Math.min(ms, again[p]?.[i] ?? ms)));
    if (forgets(shorter)) return [];
    const [firstMs, laterMs] = typical(shorter);
    const times = [firstMs, laterMs].map((ms) => `${number(ms)} ms`);
    const said = `a document takes ${times[0]} the first time and ${times[1]} when it comes again`;
    return [found(row, said)];
  },
} satisfies Check;

function forgets(passes: readonly (readonly number[])[]): boolean {
  const [first = [], later = []] = passes;
  if (first.length < minDocuments) return true;
  const half = Math.floor(first.length / 2);
  const showing = first.slice(half).filter((firstMs, i) => {
    const laterMs = later[half + i] ?? firstMs;
    return laterMs < maxShare * firstMs && firstMs - laterMs >= minLessMs;
  });
  return showing.length < minShowing * (first.length - half);
}

/** Times of the documents in the second half of each pass, when code is compiled and everything is loaded. */
function typical(passes: readonly (readonly number[])[]): [firstMs: number, laterMs: number] {
  const [firstMs = 0, laterMs = 0] = passes.map((pass) => median(pass.slice(Math.floor(pass.length / 2))));
  return [firstMs, laterMs];
}

interface RemembersRequest {
  readonly workload: WorkloadRef;
  readonly strategy: string;
  readonly corpus: CorpusFile;
  /** The trial uses these documents of the corpus. */
  readonly inTime: readonly number[];
}

/** Runs the documents twice in this process. @returns times by pass and document, ms */
export async function trial({ workload, corpus, inTime, ...request }: RemembersRequest): Promise<number[][]> {
  const { default: baseline } = (await import(request.strategy)) as { default: Strategy };
  const session = await baseline.open(workload, {
    workers: 1,
    runId: measuredRunId,
    delivery: baseline.deliveries[0],
  });
  const all = readCorpus(corpus);
  const documents = inTime.map((from, index): Document => ({ ...(all[from] as Document), index }));
  const passes: number[][] = [[], []];
  for (const pass of passes)
    await session.run(documents.map(copyOf), ({ index, taskMs }) => {
      pass[index] = taskMs ?? 0;
    });
  return passes;
}
