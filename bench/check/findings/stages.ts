import { loadWorkload } from '../../../workloads/load-workload.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { type CorpusFile, readCorpus } from '../../trials/corpus-file.js';
import { serializedBytes } from '../../trials/digest.js';
import { onlyCompute, type StageCost } from '../../trials/splits.js';
import { runStages } from '../../trials/stage-costs.js';
import { counted, number } from '../../words/units.js';
import { type Check, type Finding, found, notTried, type Row } from '../finding.js';
import { inFreshProcess } from '../lab.js';
import { lostPart } from '../lost-part.js';
import { names, someOk } from '../words.js';

/** Runs the stages of a task in batches of one and in batches as large as the stages allow. */

const batches: Row = {
  id: 'batches',
  level: 'error',
  when: 'a document has another result when a stage gets it in a batch',
  remedy:
    'return one result for each value, in the order of the values, and let no value change the result of ' +
    'another one; or leave `batch` out of the stage',
};
const values: Row = {
  id: 'stage-values',
  level: 'error',
  when: 'a stage returns a value that does not reach a worker of the next stage as it is',
  remedy:
    'stages may run in different threads and processes: pass on plain data, and open handles, models and ' +
    'connections in the `setup` of the stage that uses them',
};
const costs: Row = {
  id: 'stages',
  level: 'note',
  when: 'the task has stages: what a value costs in each of them',
  remedy: 'nothing: `forkwise pick` measures whether workers for each stage are faster, and how many',
};
const computing =
  'nothing: stages that only compute are at best as fast in workers of their own as in one worker, on the ' +
  'same cores; `forkwise pick` measures both';

export default {
  rows: [batches, values, costs],
  async measure({ main: { stages, passes }, timeoutMs }, lab) {
    if (stages === undefined) return [];
    const [first = [], second = []] = passes;
    if (!someOk(first)) return [notTried(costs.id)];
    const stable = first.map(({ digest }, i) => digest === second[i]?.digest);
    const { task: workload, corpus, inTime } = lab;
    const request: StagesRequest = { workload, corpus, inTime };
    const tried = await inFreshProcess<StagesTried>(
      lab,
      { module: import.meta.url, request },
      20_000 + 2 * timeoutMs,
    ).catch(() => null);
    if (tried === null) return [];
    const different = tried.different.filter((index) => stable[index] === true);
    const facts = different.map((index) => ({ id: first[index]?.id ?? '', error: null }));
    return [
      ...(facts.length === 0
        ? []
        : [found(batches, `results change with the size of batches: ${names(facts)}`)]),
      ...(tried.lost === null ? [] : [found(values, tried.lost)]),
      costsOf(tried.costs),
    ];
  },
} satisfies Check;

function costsOf(stages: readonly StageCost[]): Finding {
  const told = stages.map(({ name, kind, serviceMs, ratio }) => {
    const does = { cpu: 'computes', io: 'waits', mixed: 'computes and waits' }[kind];
    const often = ratio === 1 ? '' : `, ${number(ratio)} values per document`;
    return `${name} ${does} for ${number(serviceMs)} ms${often}`;
  });
  const said = `${counted(stages.length, 'stage')}: ${told.join('; ')}`;
  return onlyCompute(stages) ? found(costs, said, computing) : found(costs, said);
}

interface StagesRequest {
  readonly workload: WorkloadRef;
  readonly corpus: CorpusFile;
  readonly inTime: readonly number[];
}

interface StagesTried {
  readonly costs: readonly StageCost[];
  /** Indices of documents with another digest in batches. */
  readonly different: readonly number[];
  /** What does not reach the next stage as it is; null if everything does. */
  readonly lost: string | null;
}

/** Each of the two runs begins no document later than this, ms. */
const timeMs = 2000;

export async function trial({ workload: ref, corpus, inTime }: StagesRequest): Promise<StagesTried> {
  const workload = await loadWorkload(ref);
  const all = readCorpus(corpus);
  let lost: string | null = null;
  const seeValue = (stage: string, value: unknown) => {
    if (lost !== null) return;
    const part = serializedBytes(value) === null ? 'result cannot be cloned' : lostPart(value);
    if (part !== null) lost = `stage "${stage}": ${part}`;
  };
  const copies = () =>
    inTime.map((index) => {
      const document = all[index] as (typeof all)[number];
      return { ...document, bytes: document.bytes.slice() };
    });
  const alone = await runStages(workload, { ref, documents: copies(), alone: true, timeMs, seeValue });
  const together = await runStages(workload, { ref, documents: copies(), timeMs });
  const different = inTime.filter((_, i) => {
    const digest = together.digests[i];
    return digest !== undefined && alone.digests[i] !== undefined && digest !== alone.digests[i];
  });
  return { costs: together.costs, different, lost };
}
