import { Presets, SingleBar } from 'cli-progress';
import { duration, number } from '../words/units.js';

export interface JobProgress {
  start(documents: { readonly total: number; readonly done: number }): void;
  /** One more is done. */
  step(notOk: number): void;
  /** For a word in between; afterwards there is no more progress to see. */
  say(text: string): void;
  stop(): void;
}

/** Redrawn so often, and a line for a log so often. */
const barMs = 100;
const lineMs = 10_000;

/** Progress for a person at a terminal, or a plain line now and then; always on the error stream. */
export function jobProgressOn(
  stream: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): JobProgress {
  const isBar = stream.isTTY && process.env.TERM !== 'dumb';
  const bar = isBar ? barOn(stream) : null;
  let total = 0;
  let before = 0;
  let done = 0;
  let startedMs = 0;
  let shownMs = 0;
  let over = false;
  const show = (notOk: number) => {
    const rate = (done - before) / ((now() - startedMs) / 1e3);
    const words = {
      rate: number(rate),
      left: duration(((total - done) / rate) * 1e3),
      notOk: notOk === 0 ? '' : ` · ${number(notOk)} not ok`,
    };
    if (bar !== null) bar.update(done, words);
    else stream.write(`${done}/${total} documents · ${words.rate}/s · ${words.left} left${words.notOk}\n`);
  };
  const stop = () => {
    over = true;
    bar?.stop();
  };
  return {
    start(documents) {
      total = documents.total;
      before = done = documents.done;
      startedMs = shownMs = now();
      bar?.start(total, done, { rate: '–', left: '–', notOk: '' });
    },
    step(notOk) {
      done++;
      const timeMs = now();
      if (over || timeMs - shownMs < (isBar ? barMs : lineMs)) return;
      shownMs = timeMs;
      show(notOk);
    },
    say(text) {
      stop();
      stream.write(`${text}\n`);
    },
    stop,
  };
}

function barOn(stream: NodeJS.WriteStream): SingleBar {
  return new SingleBar(
    {
      stream,
      format: '{bar} {value}/{total} documents · {rate}/s · {left} left{notOk}',
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      linewrap: false,
      gracefulExit: false, // Ctrl-C is ours to handle
    },
    Presets.shades_classic,
  );
}
