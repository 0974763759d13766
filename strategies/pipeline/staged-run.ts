import type { BufferGarbage } from '../session/buffer-garbage.js';
import type { Cancelling } from '../session/cancelling.js';
import { cancelled, crashed } from '../session/outcome.js';
import type { CarriedDocument, CarriedDocuments } from '../session/reference.js';
import type { Emit, Outcome } from '../strategy.js';
import { now } from '../worker/clock.js';
import type { Deaths } from './deaths.js';
import { Dispatcher } from './dispatcher.js';
import type { EngineEnd } from './engine.js';
import { IdleTime } from './idle-time.js';
import { Intake } from './intake.js';
import type { QueueRoom } from './limits.js';
import { OutcomeQueue } from './outcome-queue.js';
import type { RunReplies } from './protocol.js';
import type { Staff } from './staff.js';
import { isWanted, type Stage } from './stage.js';
import type { StageRequest, StageWorker, StageWorkerEvents } from './stage-worker.js';
import { StagedDocument, type StageValue } from './staged-document.js';

export interface StagedRunParts {
  readonly staff: Staff;
  readonly stages: readonly Stage[];
  readonly room: QueueRoom;
  readonly deaths: Deaths;
  /** Values that the controller has passed on may be buffers. */
  readonly garbage: BufferGarbage;
  /** A request has ended with these values. */
  learned(
    stage: Stage,
    call: { readonly count: number; readonly values: number; readonly busyMs: number },
  ): void;
}

/**
 * One run of a pipeline. Documents come in through the intake, the dispatcher sends their values to the
 * workers of the stages, and this class takes what workers answer: it puts a value into the next queue, and
 * gives a document its outcome. Every event (an answer, an end, a document, an outcome that was taken) ends
 * with `pump`, which moves whatever can move.
 */
export class StagedRun implements StageWorkerEvents {
  readonly #parts: StagedRunParts;
  readonly #intake: Intake;
  readonly #dispatcher: Dispatcher;
  readonly #idleTime: IdleTime;
  readonly #cancelling: Cancelling;
  readonly #outcomes: OutcomeQueue;
  readonly #givesArray: boolean;
  /** Documents that have no outcome. */
  readonly #live = new Set<StagedDocument>();
  #liveBytes = 0;
  #isPumping = false;
  #pumpsAgain = false;
  /** Why the run fails; null while it does not. */
  #failure: { readonly cause: unknown } | null = null;
  /** True when outcomes are not emitted any more. */
  #isDropped = false;
  #killed: Error | null = null;
  #hasEnded = false;
  /** Something has moved at this time. */
  movedMs = now();
  #resolve: () => void = () => {};
  #reject: (cause: unknown) => void = () => {};

  constructor(
    parts: StagedRunParts,
    { documents, emit, cancelling }: { documents: CarriedDocuments; emit: Emit; cancelling: Cancelling },
  ) {
    this.#parts = parts;
    this.#intake = new Intake(documents, {
      hasRoom: () => this.#hasRoom(),
      pulled: (document) => this.#pulled(document),
      failed: (cause) => {
        this.#failure ??= { cause };
      },
      answered: () => this.#pump(),
    });
    this.#cancelling = cancelling;
    this.#givesArray = parts.stages.some(({ description }) => description.flatMap);
    this.#outcomes = new OutcomeQueue(emit, {
      taken: () => this.#pump(),
      failed: (cause) => this.#drop(cause),
    });
    this.#dispatcher = new Dispatcher({
      ...parts,
      cancelling,
      outcomes: this.#outcomes,
      intake: this.#intake,
      batchDue: () => this.#pump(),
      stopped: (stage, worker) => this.#crashAll(stage, worker),
    });
    this.#idleTime = new IdleTime(parts.staff, parts.stages);
  }

  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      for (const worker of this.#parts.staff.workers) {
        worker.deaths.reset();
        worker.replace();
      }
      this.#pump();
    });
  }

  /** Documents that have no outcome. */
  get live(): number {
    return this.#live.size;
  }

  /** Outcomes that the caller has not taken. */
  get outcomes(): OutcomeQueue {
    return this.#outcomes;
  }

  cancel(index: number): void {
    for (const owner of this.#live) {
      if (owner.document.index !== index) continue;
      owner.isCancelled = true;
      if (owner.inWorkers === 0) this.settle(owner, cancelled(owner.document));
      else for (const worker of this.#parts.staff.workers) worker.cancel(index);
    }
    this.#pump();
  }

  /** All documents have crashed, and no further one is pulled. */
  kill(): void {
    this.#killed ??= new Error('the session was ended');
    this.#intake.stop();
    for (const owner of [...this.#live]) this.settle(owner, crashed(owner.document, this.#killed));
    this.#pump();
  }

  /** Ends the run with this error, whatever its workers do. */
  giveUp(cause: unknown): void {
    this.#fail(cause);
    this.#isDropped = true;
    this.#forgetAll();
    this.#end();
  }

  answered(worker: StageWorker, request: StageRequest, replies: RunReplies): void {
    this.movedMs = now();
    this.#idleTime.count(worker);
    worker.deaths.progress();
    const { stage, values } = request;
    const { startedMs, taskMs, bytes } = replies;
    let busyMs = 0;
    let taken = 0;
    let resultBytes = 0;
    let given = 0;
    let nextFailure = 0; // failures have the order of the values
    for (let at = 0; at < values.length; at++) {
      const value = values[at] as StageValue;
      const { owner } = value;
      const failed = replies.failures[nextFailure];
      const failure = failed?.at === at ? failed.result : undefined;
      if (failure !== undefined) nextFailure++;
      stage.inWorkers--;
      stage.inWorkersBytes -= value.bytes;
      owner.inWorkers--;
      busyMs += taskMs[at] as number;
      taken += value.bytes;
      resultBytes += bytes[at] as number;
      if (isWanted(value)) {
        owner.note(replies.worker, { startedMs: startedMs[at] as number, taskMs: taskMs[at] as number });
        const read = replies.reads?.find((read) => read.at === at);
        if (read !== undefined) owner.noteRead(read);
        const served = replies.served?.find((served) => served.at === at);
        if (served !== undefined) owner.noteServed(served);
        if (failure !== undefined)
          this.settle(owner, owner.failed(failure.status as 'failed' | 'timed-out', failure.error));
        else given += this.#passOn(value, { stage, result: replies.values[at], bytes: bytes[at] as number });
      } else this.#settleCancelled(owner);
    }
    stage.learn({ count: values.length, busyMs, bytes: taken, resultBytes });
    this.#parts.learned(stage, { count: values.length, values: given, busyMs });
    this.#pump();
    this.#parts.garbage.look();
  }

  lost(worker: StageWorker, end: EngineEnd, unanswered: readonly StageRequest[]): void {
    this.movedMs = now();
    for (const { stage, values } of unanswered)
      for (const { owner, bytes } of values) {
        stage.inWorkers--;
        stage.inWorkersBytes -= bytes;
        owner.inWorkers--;
      }
    if (this.#killed === null) this.#parts.deaths.handle(this, worker, end, unanswered);
    for (const { values } of unanswered) for (const { owner } of values) this.#settleCancelled(owner);
    if (worker.deaths.stopped === null) worker.replace();
    this.#pump();
  }

  changed(): void {
    this.movedMs = now();
    this.#pump();
  }

  unopened(worker: StageWorker, cause: unknown): void {
    worker.deaths.endedBeforeStart(cause);
    if (worker.deaths.stopped === null) worker.replace();
    this.#pump();
  }

  /** The document has its outcome. */
  settle(owner: StagedDocument, outcome: Outcome): void {
    if (owner.isSettled) return;
    owner.isSettled = true;
    this.#live.delete(owner);
    this.#liveBytes -= owner.document.bytes.length;
    this.#parts.deaths.explain(owner, outcome.status);
    if (this.#isDropped) return;
    this.#outcomes.push(outcome, owner.resultBytes);
    this.#pumpsAgain = true;
  }

  /** The document starts again from the first stage. */
  restart(owner: StagedDocument, isAlone: boolean): void {
    if (owner.isSettled || owner.isCancelled) return;
    owner.restart();
    owner.isAlone ||= isAlone;
    this.#enter(owner);
  }

  /** The value goes to another worker of its stage. */
  sendAgain(value: StageValue, stage: Stage): void {
    if (isWanted(value)) stage.push(value);
  }

  #enter(owner: StagedDocument): void {
    const { bytes } = owner.document;
    owner.pending = 1;
    this.#parts.stages[0]?.push({
      owner,
      attempt: owner.attempt,
      value: bytes,
      bytes: bytes.length,
      path: [],
      sinceMs: now(),
      isGone: false,
    });
  }

  /** Puts what a stage has returned for a value into the next queue. Returns how many values that are. */
  #passOn(
    value: StageValue,
    { stage, result, bytes }: { readonly stage: Stage; readonly result: unknown; readonly bytes: number },
  ): number {
    const { owner, attempt, path } = value;
    const next = this.#parts.stages[stage.number + 1];
    const results = stage.description.flatMap ? (result as readonly unknown[]) : [result];
    const sinceMs = this.movedMs; // one reading of the clock for all values of an answer
    owner.pending += results.length - 1;
    for (let place = 0; place < results.length; place++) {
      const passed: StageValue = {
        owner,
        attempt,
        value: results[place],
        bytes: bytes / results.length,
        path: stage.description.flatMap ? [...path, place] : path,
        sinceMs,
        isGone: false,
      };
      if (next !== undefined) next.push(passed);
      else {
        owner.keep(passed);
        owner.pending--;
      }
    }
    if (owner.pending === 0) this.settle(owner, owner.ok(this.#givesArray));
    return results.length;
  }

  #settleCancelled(owner: StagedDocument): void {
    if (owner.isCancelled && owner.inWorkers === 0) this.settle(owner, cancelled(owner.document));
  }

  /** Moves whatever can move: the last stages first, so that they make room for those before them. */
  #pump(): void {
    if (this.#isPumping) {
      this.#pumpsAgain = true;
      return;
    }
    this.#isPumping = true;
    do {
      this.#pumpsAgain = false;
      this.#idleTime.count();
      this.#outcomes.emit();
      const { stages } = this.#parts;
      for (let number = stages.length - 1; number > 0; number--)
        this.#dispatcher.dispatch(stages[number] as Stage);
      this.#intake.pull();
      this.#dispatcher.dispatch(stages[0] as Stage);
      for (const stage of stages) {
        this.#pumpsAgain ||= stage.hasLeftOut;
        stage.hasLeftOut = false;
      }
    } while (this.#pumpsAgain);
    this.#isPumping = false;
    this.#endIfDone();
  }

  /** No worker of the stage runs anything any more. */
  #crashAll(stage: Stage, worker: StageWorker): void {
    for (const queue of [stage.alone, stage.waiting])
      for (let value = stage.take(queue); value !== null; value = stage.take(queue))
        this.settle(value.owner, crashed(value.owner.document, worker.deaths.stopped));
    this.#pumpsAgain = true;
  }

  #hasRoom(): boolean {
    const { staff, room } = this.#parts;
    const kept = { documents: this.#live.size, bytes: this.#liveBytes };
    return room.ofDocuments(staff.of(0).length, kept, staff.workers.length) > 0;
  }

  #pulled(document: CarriedDocument): void {
    if (this.#isDropped || this.#hasEnded) return;
    this.movedMs = now();
    const { index } = document;
    const owner = new StagedDocument(document, this.movedMs, this.#cancelling.may(index));
    this.#live.add(owner);
    this.#liveBytes += document.bytes.length;
    if (this.#killed !== null) this.settle(owner, crashed(document, this.#killed));
    else if (this.#cancelling.has(index)) this.settle(owner, cancelled(document));
    else this.#enter(owner);
  }

  /** The caller takes no further outcomes: the run fails when its workers have ended what they have. */
  #drop(cause: unknown): void {
    this.#fail(cause);
    this.#isDropped = true;
    this.#forgetAll();
    this.#pump();
  }

  #fail(cause: unknown): void {
    this.#failure ??= { cause };
    this.#intake.stop();
  }

  #forgetAll(): void {
    for (const owner of [...this.#live]) {
      owner.isSettled = true;
      this.#live.delete(owner);
    }
    this.#liveBytes = 0;
    this.#outcomes.clear();
    for (const stage of this.#parts.stages) stage.clear();
  }

  #endIfDone(): void {
    if (!this.#intake.isExhausted || this.#live.size > 0 || !this.#outcomes.isEmpty) return;
    if (this.#killed === null && this.#parts.stages.some(({ inWorkers }) => inWorkers > 0)) return;
    this.#end();
  }

  #end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#parts.staff.listen(null);
    for (const stage of this.#parts.stages) stage.clear();
    if (this.#failure === null) this.#resolve();
    else this.#reject(this.#failure.cause);
  }
}
