import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { measuredRunId } from '../../../services/task-services.js';
import type { Strategy } from '../../../strategies/strategy.js';
import { now } from '../../../strategies/worker/clock.js';
import { loadWorkload } from '../../../workloads/load-workload.js';
import type { Document, Views, WorkloadRef } from '../../../workloads/workload.js';
import { type CorpusFile, readCorpus } from '../../trials/corpus-file.js';
import { outcomeDigest } from '../../trials/digest.js';
import { counted, number } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';
import { inFreshProcess } from '../lab.js';

/**
 * Tries whether the task only reads its bytes: it gets views of shared memory, and this check overwrites
 * their content as soon as the result is there.
 */

const safe: Row = {
  id: 'views',
  level: 'note',
  when: 'the task neither changes its bytes nor keeps or returns them, on the sample',
  remedy: "`export const views = 'shared'` saves the copy where documents travel in shared memory",
};
const unsafe: Row = {
  id: 'views',
  level: 'error',
  when: "the task says `views = 'shared'`, and changes, keeps or returns its bytes",
  remedy: 'remove `views`, or copy the bytes before you change, keep or return them',
};

export default {
  rows: [safe, unsafe],
  async measure({ main: { passes }, timeoutMs }, lab) {
    const [first = [], second = []] = passes;
    const digests = first.map(({ status, digest }, i) =>
      status === 'ok' && digest === second[i]?.digest ? digest : null,
    );
    const { task: workload, corpus, strategies } = lab;
    const request: ViewsRequest = { workload, strategy: strategies.baseline, corpus, digests };
    const tried = await inFreshProcess<ViewsTried | null>(
      lab,
      { module: import.meta.url, request },
      20_000 + timeoutMs,
    ).catch(() => null);
    if (tried === null) return [];
    const { violation, documents, gain, views } = tried;
    if (violation !== null)
      return views === 'shared' ? [found(unsafe, `says views = 'shared', and ${violation}`)] : [];
    if (views === 'shared') return [];
    const kept = `its bytes were neither changed, kept nor returned on ${counted(documents, 'document')}`;
    const said = `${kept}: without a copy a document takes ${number(100 * gain)} % less time`;
    return [
      gain < minGain ? found(safe, said, 'nothing: the copy costs too little to matter') : found(safe, said),
    ];
  },
} satisfies Check;

interface ViewsRequest {
  readonly workload: WorkloadRef;
  readonly strategy: string;
  readonly corpus: CorpusFile;
  /** Results with bytes of their own; null where they are not the same every time. */
  readonly digests: readonly (string | null)[];
}

interface ViewsTried {
  readonly violation: string | null;
  readonly documents: number;
  /** The copy's share of the time that a document takes with it, 0 to 1. */
  readonly gain: number;
  readonly views: Views;
}

const maxDocuments = 40;
const maxMs = 1_500;
/** The engine itself may still hold the last document. */
const maxHeld = 1;

/** A smaller gain is less than what a strategy varies between two runs. */
const minGain = 0.01;

/** Fewer documents say little. */
const minDocuments = 3;

/** @returns null if too few documents could be tried */
export async function trial({ workload: ref, corpus, ...request }: ViewsRequest): Promise<ViewsTried | null> {
  const { default: baseline } = (await import(request.strategy)) as { default: Strategy };
  const workload = await loadWorkload(ref);
  const session = await baseline.open(ref, {
    workers: 1,
    runId: measuredRunId,
    delivery: baseline.deliveries[0],
  });
  // The sample begins with the largest documents, which may take all the time there is.
  const originals = readCorpus(corpus).slice(0, request.digests.length).reverse().slice(0, maxDocuments);
  const held: WeakRef<SharedArrayBuffer>[] = [];
  const untilMs = now() + maxMs;
  let violation: string | null = null;
  let documents = 0;
  let taskMs = 0;
  for (const original of originals) {
    const expected = request.digests[original.index];
    if (expected === undefined || expected === null) continue;
    if (now() > untilMs || violation !== null) break;
    const bytes = sharedCopy(original.bytes);
    held.push(new WeakRef(bytes.buffer));
    await session.run([{ ...original, index: 0, bytes }], (outcome) => {
      documents++;
      taskMs += outcome.taskMs ?? 0;
      if (Buffer.compare(bytes, original.bytes) !== 0) violation ??= 'changes them';
      // A result in shared memory is refused, and with bytes of its own this document was ok.
      if (outcome.status === 'failed' && outcome.error.name === 'DataCloneError')
        violation ??= 'returns them';
      if (outcomeDigest(outcome, workload) !== expected)
        violation ??= 'gives another result when earlier bytes are overwritten';
      bytes.fill(0xaa);
    });
  }
  setFlagsFromString('--expose-gc');
  for (let i = 0; i < 2; i++) {
    await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds its target until the turn ends
    (runInNewContext('gc') as () => void)();
  }
  if (held.filter((ref) => ref.deref() !== undefined).length > maxHeld) violation ??= 'keeps them';
  if (violation === null && documents < minDocuments) return null;
  const copyMs = copyTime(originals.slice(0, documents));
  return { violation, documents, gain: copyMs / (copyMs + taskMs), views: workload.views ?? 'copy' };
}

function sharedCopy(bytes: Uint8Array): Uint8Array<SharedArrayBuffer> {
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** The time that copies of the documents take, the shortest of three. */
function copyTime(documents: readonly Document[]): number {
  const shared = documents.map(({ bytes }) => sharedCopy(bytes));
  const times = [1, 2, 3].map(() => {
    const startedMs = now();
    for (const bytes of shared) new Uint8Array(bytes.length).set(bytes);
    return now() - startedMs;
  });
  return Math.min(...times);
}
