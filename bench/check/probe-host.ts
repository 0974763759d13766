import { measuredRunId } from '../../services/task-services.js';
import type { Outcome, Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import type { Document, Kind, Workload, WorkloadRef } from '../../workloads/workload.js';
import { WaitingMeter, waitingShare } from '../measure/waiting.js';
import { answerRequests, notify } from '../trials/answer.js';
import { type CorpusFile, readCorpus } from '../trials/corpus-file.js';
import { outcomeDigest, serializedBytes, stableDigest } from '../trials/digest.js';
import { copyOf } from '../trials/supply.js';
import { errorInWords } from '../words/errors.js';
import { type Computing, ComputingMeter } from './computing.js';
import { lostPart } from './lost-part.js';
import { type Nested, watchNested } from './nested.js';
import { type Trap, watchTraps } from './traps.js';

/**
 * This process tries a task: it opens one strategy, runs the documents through it, and reports what happened.
 */

export interface ProbeRequest {
  readonly workload: WorkloadRef;
  readonly strategy: string;
  readonly workers: number;
  readonly corpus: CorpusFile;
  readonly passes: number;
  /**
   * The first pass begins no document later than this, if documents run one by one. Later passes have
   * the same documents.
   */
  readonly timeMs?: number;
  readonly timeoutMs: number;
  /**
   * False if this process must not load the task itself, because its workers load it for the first time: a
   * module may change the whole process. Its own `digest` is not used then.
   */
  readonly loadsTask: boolean;
}

/** The outcome of one document, as far as `check` needs it. */
export interface DocumentFact {
  readonly id: string;
  readonly status: Outcome['status'];
  /** Name and message, which says code and causes as well; null if the document was processed. */
  readonly error: { readonly name: string; readonly message: string } | null;
  readonly taskMs: number | null;
  /** This must be equal in every place; null if the task's own `digest` threw. */
  readonly digest: string | null;
  /** A digest of the whole result is kept too, whatever the task's own `digest` returns. */
  readonly result: string | null;
  readonly resultBytes: number | null;
  /**
   * The first part of the result that does not reach a caller in another thread or process; meaningful if
   * documents run in this process.
   */
  readonly lost: string | null;
}

export interface Probe {
  readonly startupMs: number;
  /** The kind that the task declares. */
  readonly kind: Kind | null;
  /** Names of the task's stages; absent where it is one function, or was not loaded here. */
  readonly stages?: readonly string[];
  readonly hasDigest: boolean;
  readonly passes: readonly (readonly DocumentFact[])[];
  /** The message of the task's own `digest`, if it threw. */
  readonly digestFailure: string | null;
  /** True if `digest` gave two texts for one result. */
  readonly digestUnstable: boolean;
  /**
   * Share of the time spent waiting in the last pass, 0 to 1; meaningful if documents run one by one in this
   * process.
   */
  readonly waiting: number;
  /** The waiting share was measured over this much time. */
  readonly measuredMs: number;
  /** The process grew by this much at most during one document, in any pass; meaningful in the same case. */
  readonly memoryBytes: number;
  /** CPU time on the thread that runs the task and beside it, in the last pass; null where it is unknown. */
  readonly computing: Computing | null;
  /** Environment variables that differ after the last pass from before the task was loaded. */
  readonly environment: readonly string[];
  readonly traps: readonly Trap[];
  /** What the task has started; meaningful if documents run in this process. */
  readonly nested: Nested;
  readonly prints: { readonly times: number; readonly bytes: number };
}

/**
 * Every notice is also a sign of life. `document` means that the document is about to run if tasks run on
 * this thread, else that it is done.
 */
export type ProbeNotice = { readonly at: 'loaded' } | { readonly at: 'document'; readonly id: string };

const isOurs = (message: unknown) =>
  ['notice', 'answer', 'error'].includes((message as { kind?: string } | null)?.kind ?? '');

answerRequests(async (request: ProbeRequest): Promise<Probe> => {
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  let documents = readCorpus(request.corpus);
  const environment = { ...process.env };
  const watch = watchTraps(isOurs);
  const nesting = watchNested();
  try {
    const { workers, timeoutMs } = request;
    const openedMs = now();
    const session = await strategy.open(request.workload, {
      workers,
      timeoutMs,
      runId: measuredRunId,
      delivery: strategy.deliveries[0],
    });
    const startupMs = now() - openedMs;
    await notify<ProbeNotice>({ at: 'loaded' });
    const workload = request.loadsTask ? await loadWorkload(request.workload) : null;
    const examiner = new Examiner(workload);
    const passes: DocumentFact[][] = [];
    let meter = new WaitingMeter();
    let computing = new ComputingMeter();
    // Growth is measured over all passes: memory that earlier documents left may be freed meanwhile, which
    // hides some.
    const memory = new Growth();
    for (let pass = 0; pass < request.passes; pass++) {
      meter = new WaitingMeter();
      computing = new ComputingMeter();
      const alone = strategy.isolation === 'none';
      const facts: DocumentFact[] = [];
      const meters = [memory, meter, computing];
      const untilMs = now() + (pass === 0 ? (request.timeMs ?? Infinity) : Infinity);
      // A document that did not end in time the first time would take as long again.
      const late = (passes[0] ?? []).filter(({ status }) => status === 'timed-out');
      for (const fact of late) facts[documents.findIndex(({ id }) => id === fact.id)] = fact;
      const source = documents.filter(({ index }) => facts[index] === undefined);
      await session.run(alone ? oneByOne(source, meters, untilMs) : source, (outcome) => {
        for (const one of meters) one.end();
        facts[outcome.index] = examiner.fact(outcome);
        if (!alone) return notify<ProbeNotice>({ at: 'document', id: outcome.id });
      });
      passes.push(facts);
      documents = documents.slice(0, facts.length);
    }
    const { nested } = nesting;
    await session.close();
    return {
      startupMs,
      kind: workload?.kind ?? null,
      ...(workload?.stages && { stages: workload.stages.map(({ name }) => name) }),
      hasDigest: workload?.digest !== undefined,
      passes,
      digestFailure: examiner.failure,
      digestUnstable: examiner.unstable,
      waiting: waitingShare(meter.total),
      measuredMs: meter.total.wallMs,
      memoryBytes: memory.bytes,
      computing: computing.total,
      environment: changed(environment, process.env),
      traps: watch.traps,
      nested,
      prints: { ...watch.prints },
    };
  } finally {
    nesting.end();
    watch.end();
  }
});

interface Meter {
  begin(): void;
  end(): void;
}

async function* oneByOne(
  documents: readonly Document[],
  meters: readonly Meter[],
  untilMs: number,
): AsyncGenerator<Document> {
  for (const [index, document] of documents.entries()) {
    if (index > 0 && now() > untilMs) return;
    await notify<ProbeNotice>({ at: 'document', id: document.id });
    const own = copyOf(document); // the task may change its bytes, and later passes have the same documents
    for (const meter of meters) meter.begin();
    yield own;
  }
}

function changed(before: NodeJS.ProcessEnv, after: NodeJS.ProcessEnv): string[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter(
    (name) => before[name] !== after[name],
  );
}

/** Turns outcomes into facts, so that no result is kept. */
class Examiner {
  readonly #workload: Pick<Workload, 'digest'>;
  failure: string | null = null;
  unstable = false;

  constructor(workload: Workload | null) {
    this.#workload = workload ?? {};
  }

  fact(outcome: Outcome): DocumentFact {
    const { id, status, taskMs } = outcome;
    if (outcome.status !== 'ok') {
      return {
        id,
        status,
        error: { name: outcome.error.name, message: errorInWords(outcome.error) },
        taskMs,
        digest: status,
        result: null,
        resultBytes: null,
        lost: null,
      };
    }
    const result = stableDigest(outcome.value);
    return {
      id,
      status,
      error: null,
      taskMs,
      digest: this.#digest(outcome),
      result,
      resultBytes: serializedBytes(outcome.value),
      lost: lostPart(outcome.value),
    };
  }

  #digest(outcome: Outcome): string | null {
    try {
      const digest = outcomeDigest(outcome, this.#workload);
      if (this.#workload.digest !== undefined && outcomeDigest(outcome, this.#workload) !== digest)
        this.unstable = true;
      return digest;
    } catch (cause) {
      this.failure ??= cause instanceof Error ? cause.message : String(cause);
      return null;
    }
  }
}

/**
 * Measures how much this process's resident size grows from `begin` to `end`, or to the peak in between if
 * that is a new high.
 */
class Growth {
  bytes = 0;
  #rss = 0;
  #peak = 0;

  begin(): void {
    this.#peak = peakBytes();
    this.#rss = process.memoryUsage.rss();
  }

  end(): void {
    const peak = peakBytes();
    const grown = (peak > this.#peak ? peak : process.memoryUsage.rss()) - this.#rss;
    this.bytes = Math.max(this.bytes, grown);
  }
}

function peakBytes(): number {
  return process.resourceUsage().maxRSS * 1024;
}
