import { ProgressBar } from '../cli/progress-bar.js';
import { duration, number } from '../words/units.js';

export interface JobProgress {
  /** Begins with documents that have their lines; `total` is null as long as it is unknown. */
  start(documents: { readonly total: number | null; readonly done: number }): void;
  /** All documents have been counted. */
  setTotal(total: number): void;
  /**
   * More documents have their lines in the file.
   * @param documents the number of these
   * @param notOk the number of all documents that are not ok
   */
  step(documents: number, notOk: number): void;
  say(text: string): void;
  stop(): void;
}

/** A log gets one line per ten seconds: a job may process thousands of documents per second. */
const lineMs = 10_000;

/** Counts the progress of a job in documents, and shows it. */
export function jobProgressOn(
  stream: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): JobProgress {
  const bar = new ProgressBar(stream, {
    format: '{bar} {value}/{all} documents · {rate}/s · {left} left{notOk}',
    lineMs,
    now,
  });
  let total: number | null = null;
  let before = 0;
  let done = 0;
  let startedMs = 0;
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
      });
    },
    setTotal(all) {
      total = all;
      bar.setTotal(all);
    },
    step(documents, notOkCount) {
      done += documents;
      bar.step(done, () => {
        const perSecond = (done - before) / ((now() - startedMs) / 1e3);
        const rate = number(perSecond);
        const left = total === null ? '–' : duration(((total - done) / perSecond) * 1e3);
        const all = total ?? '–';
        const notOk = notOkCount === 0 ? '' : ` · ${number(notOkCount)} not ok`;
        return {
          fields: { all: String(all), rate, left, notOk },
          line:
            total === null
              ? `${done} documents · ${rate}/s${notOk}`
              : `${done}/${total} documents · ${rate}/s · ${left} left${notOk}`,
        };
      });
    },
    say: (text) => bar.say(text),
    stop: () => bar.stop(),
  };
}
