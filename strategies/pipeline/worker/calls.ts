import {
  type OpenStage,
  openStage,
  type StageItem,
  type StageResult,
} from '../../../workloads/stages/open-stage.js';
import { StageTimeout } from '../../../workloads/stages/stage-error.js';
import type { Stage } from '../../../workloads/stages/stages.js';

export interface CallsOptions {
  readonly options: Readonly<Record<string, unknown>>;
  /** Time limit where the stage has none, ms. */
  readonly timeoutMs: number | undefined;
  /** Called when the stage's function is about to be called. */
  begins(): void;
}

/**
 * The calls of one stage, of which one runs at a time. A call that its signal has told to end, and that goes
 * on, keeps the next one from beginning, and has no answer: the controller sees that, and ends the worker.
 */
export class Calls {
  readonly opened: OpenStage;
  readonly #calls: { running: Promise<unknown> | null };

  static async open(stage: Stage, { options, timeoutMs, begins }: CallsOptions): Promise<Calls> {
    const calls: { running: Promise<unknown> | null } = { running: null };
    const call = (values: never, contexts: never): unknown => {
      begins();
      const value: unknown = stage.run(values, contexts);
      if (!(value instanceof Promise)) return value;
      const running = value.then(ended, ended);
      calls.running = running;
      function ended(): void {
        if (calls.running === running) calls.running = null;
      }
      return value;
    };
    const limitMs = stage.timeoutMs ?? timeoutMs;
    const watched: Stage = {
      ...stage,
      ...(limitMs !== undefined && { timeoutMs: limitMs }),
      run: (values: never, contexts: never) =>
        calls.running === null ? call(values, contexts) : calls.running.then(() => call(values, contexts)),
    };
    return new Calls(await openStage(watched, options), calls);
  }

  private constructor(opened: OpenStage, calls: { running: Promise<unknown> | null }) {
    this.opened = opened;
    this.#calls = calls;
  }

  /** Runs the stage on these values, as one batch if there are several. */
  run(items: readonly StageItem[]): readonly StageResult[] | Promise<readonly StageResult[]> {
    const results = this.opened.run(items);
    return results instanceof Promise ? results.then((results) => this.#whenEnded(results)) : results;
  }

  close(): Promise<void> {
    return this.opened.close();
  }

  /** Waits for a call that was late, and that has not ended. */
  async #whenEnded(results: readonly StageResult[]): Promise<readonly StageResult[]> {
    const wasLate = results.some((result) => 'error' in result && result.error instanceof StageTimeout);
    if (wasLate) await this.#calls.running;
    return results;
  }
}
