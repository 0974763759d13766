import { clearInterval, setInterval } from 'node:timers';
import type { StageReport } from '../../strategies/strategy.js';
import { ProgressBar } from '../cli/progress-bar.js';
import { duration, number } from '../words/units.js';
import { StageRates } from './stage-rates.js';

export interface JobProgress {
  /** Begins with documents that have their lines; `total` is null as long as it is unknown. */
  start(documents: { readonly total: number | null; readonly done: number }): void;
  /** The stages of the task have workers of their own, whose rates are shown from now on. */
  watch(stages: () => readonly StageReport[]): void;
  /** All documents have been counted. */
  setTotal(total: number): void;
  /**
   * More documents have their lines in the file.
   * @param documents the number of these
   * @param notOk the number of all documents that are not ok
   */
  step(documents: number, notOk: number): void;
  /** Prints a line; progress goes on below it. */
  log(text: string): void;
  say(text: string): void;
  stop(): void;
}

/** A log gets one line per ten seconds: a job may process thousands of documents per second. */
const lineMs = 10_000;
/** Stages change also while no document is done, for example while a model loads. */
const stagesMs = 1000;

/** Rates of stages take the place of the bar: a line has room for one of them. */
const formats = {
  bar: '{bar} {value}/{all} documents · {rate}/s · {left} left{notOk}',
  stages: '{value}/{all} documents · {rate}/s · {left} left{notOk}{stages}',
};

export interface JobProgressOptions {
  /** The stages of the task have workers of their own. */
  readonly isStaged: boolean;
  /** Reads a monotonic clock, ms. */
  readonly now?: () => number;
}

/** Counts the progress of a job in documents, and shows it. */
export function jobProgressOn(
  stream: NodeJS.WriteStream,
  { isStaged, now = () => performance.now() }: JobProgressOptions,
): JobProgress {
  const format = isStaged ? formats.stages : formats.bar;
  const bar = new ProgressBar(stream, { format, lineMs, now });
  let total: number | null = null;
  let before = 0;
  let done = 0;
  let startedMs = 0;
  let notOk = 0;
  let rates: StageRates | null = null;
  let timer: NodeJS.Timeout | undefined;
  const shown = () => {
    const perSecond = (done - before) / ((now() - startedMs) / 1e3);
    const rate = number(perSecond);
    const left = total === null || done === before ? '–' : duration(((total - done) / perSecond) * 1e3);
    const all = total ?? '–';
    const failures = notOk === 0 ? '' : ` · ${number(notOk)} not ok`;
    const stages = rates === null ? '' : ` · ${rates.text()}`;
    return {
      fields: { all: String(all), rate, left, notOk: failures, stages },
      line:
        total === null
          ? `${done} documents · ${rate}/s${failures}${stages}`
          : `${done}/${total} documents · ${rate}/s · ${left} left${failures}${stages}`,
    };
  };
  return {
    start(documents) {
      total = documents.total;
      before = done = documents.done;
      startedMs = now();
      bar.start(total ?? Number.MAX_SAFE_INTEGER, done, {
        all: String(total ?? '–'),
        rate: '–',
        left: '–',
        notOk: '',
        stages: '',
      });
    },
    setTotal(all) {
      total = all;
      bar.setTotal(all);
    },
    watch(report) {
      rates = new StageRates(report, now);
      timer = setInterval(() => bar.step(done, shown), stagesMs);
      timer.unref();
    },
    step(documents, notOkCount) {
      done += documents;
      notOk = notOkCount;
      bar.step(done, shown);
    },
    log: (text) => bar.log(text),
    say: (text) => bar.say(text),
    stop() {
      clearInterval(timer);
      bar.stop();
    },
  };
}
