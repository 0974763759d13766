import { maxRuns, runsAgain } from '../session/attempts.js';
import type { HiddenEnds } from '../session/hidden-ends.js';
import { crashed, timedOut } from '../session/outcome.js';
import type { Outcome } from '../strategy.js';
import type { EngineEnd } from './engine.js';
import type { Stage } from './stage.js';
import type { StageRequest, StageWorker } from './stage-worker.js';
import type { StagedDocument, StageValue, UnexplainedEnd } from './staged-document.js';

/** A run does this with the values of a worker that has ended. */
export interface Survivors {
  settle(owner: StagedDocument, outcome: Outcome): void;
  restart(owner: StagedDocument, isAlone: boolean): void;
  sendAgain(value: StageValue, stage: Stage): void;
}

/** The values that a worker had when it ended, by what it had done with them. */
interface Had {
  /** Their calls had ended, or were running: their documents have run. */
  readonly run: readonly StageValue[];
  /** The document that certainly has ended the worker; null when there are several, or it is not known. */
  readonly culprit: StagedDocument | null;
  /** They had not begun. */
  readonly rest: readonly { readonly value: StageValue; readonly stage: Stage }[];
}

/** Decides what happens to documents when a worker has ended. `session/attempts.ts` has the policy. */
export class Deaths {
  readonly #hidden: HiddenEnds;
  /** True where errors name the stage. */
  readonly #isStaged: boolean;

  constructor(isStaged: boolean, hidden: HiddenEnds) {
    this.#isStaged = isStaged;
    this.#hidden = hidden;
  }

  handle(run: Survivors, worker: StageWorker, end: EngineEnd, unanswered: readonly StageRequest[]): void {
    const had = hadBy(end, unanswered);
    const stage = unanswered[0]?.stage ?? null;
    const byItself = end.killedFor === null;
    if (byItself) this.#count(worker, end, had);
    if (end.killedFor === 'time' && had.culprit !== null)
      run.settle(had.culprit, this.#named(timedOut(had.culprit.document, stage?.limitMs ?? 0), stage));
    const owners = new Set(had.run.map(({ owner }) => owner).filter(({ isSettled }) => !isSettled));
    const shared: UnexplainedEnd = { cause: end.cause, left: 0, isShown: false };
    for (const owner of owners) {
      if (end.killedFor === 'cancelled') {
        run.restart(owner, false);
        continue;
      }
      owner.runs++;
      if (byItself && owner === had.culprit) owner.workersEnded++;
      if (byItself) {
        shared.left++;
        owner.ends.push(shared);
      }
      if (runsAgain(owner, maxRuns.reportedTogether)) run.restart(owner, true);
      else run.settle(owner, this.#named(crashed(owner.document, end.cause, owner.workersEnded), stage));
    }
    if (byItself && owners.size === 0) this.#hidden.report(end.cause);
    for (const { value, stage } of had.rest) {
      if (!value.isGone) run.sendAgain(value, stage);
      else if (value.attempt === value.owner.attempt) run.restart(value.owner, false);
    }
  }

  /** The document has its outcome. An end that no outcome shows is reported. */
  explain({ ends }: StagedDocument, status: Outcome['status']): void {
    for (const end of ends.splice(0)) {
      end.isShown ||= status === 'crashed' || status === 'timed-out';
      if (--end.left === 0 && !end.isShown) this.#hidden.report(end.cause);
    }
  }

  #count({ deaths }: StageWorker, { cause }: EngineEnd, { run }: Had): void {
    if (run.length > 0) deaths.endedWithoutResult(cause);
    else deaths.endedBeforeStart(cause);
  }

  #named(outcome: Outcome, stage: Stage | null): Outcome {
    if (!this.#isStaged || stage === null || outcome.status === 'ok') return outcome;
    const data = { ...outcome.error.data, stage: stage.description.name, document: outcome.id };
    return { ...outcome, error: { ...outcome.error, data } };
  }
}

function hadBy({ callsEnded, isRunning }: EngineEnd, unanswered: readonly StageRequest[]): Had {
  const [oldest, ...behind] = unanswered;
  if (oldest === undefined) return { run: [], culprit: null, rest: [] };
  const { values, message } = oldest;
  // All of the request is suspect if it is not known what was running.
  const begun =
    isRunning === null || (message.isBatch && isRunning)
      ? values.length
      : message.isBatch
        ? 0
        : callsEnded + (isRunning ? 1 : 0);
  const current = message.isBatch ? values : values.slice(callsEnded, begun);
  const [only] = current;
  const isCertain = isRunning === true && current.length === 1;
  return {
    run: values.slice(0, begun),
    culprit: isCertain && only !== undefined ? only.owner : null,
    rest: [
      ...values.slice(begun).map((value) => ({ value, stage: oldest.stage })),
      ...behind.flatMap(({ stage, values }) => values.map((value) => ({ value, stage }))),
    ],
  };
}
