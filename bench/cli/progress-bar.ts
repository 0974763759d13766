import { Presets, SingleBar } from 'cli-progress';

/** A step shows the named fields in the bar's format, or a whole line in a log. */
export interface Step {
  readonly fields: Readonly<Record<string, string>>;
  /** Null: this step writes no line. */
  readonly line: string | null;
}

export interface ProgressBarOptions {
  /** The bar's line. `{bar}`, `{value}` and `{total}` are its own, every other name is a field of `Step`. */
  readonly format: string;
  /** A log gets no two lines within this time, ms. Absent: it gets one line per step. */
  readonly lineMs?: number;
  /** Reads a monotonic clock, milliseconds. */
  readonly now?: () => number;
}

/** A bar is redrawn at most this often. */
const barMs = 100;

/**
 * The one progress bar, used by every command: a bar for a person at a terminal, plain lines for a log. Write
 * it to the error stream, because the standard output is for results.
 */
export class ProgressBar {
  readonly #stream: NodeJS.WriteStream;
  readonly #bar: SingleBar | null;
  readonly #now: () => number;
  readonly #pauseMs: number;
  #shownMs = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(
    stream: NodeJS.WriteStream,
    { format, lineMs = 0, now = () => performance.now() }: ProgressBarOptions,
  ) {
    this.#stream = stream;
    this.#now = now;
    const isTerminal = stream.isTTY && process.env.TERM !== 'dumb';
    this.#bar = isTerminal ? barOn(stream, format) : null;
    this.#pauseMs = isTerminal ? barMs : lineMs;
  }

  start(total: number, done: number, fields: Step['fields']): void {
    this.#running = true;
    if (this.#pauseMs > 0) this.#shownMs = this.#now();
    this.#bar?.start(total, done, fields);
  }

  /** The end was not known at the start, and is now. */
  setTotal(total: number): void {
    if (this.#running) this.#bar?.setTotal(total);
  }

  /** @param shown called only when the step is due to be shown */
  step(done: number, shown: () => Step): void {
    if (!this.#running) return;
    const timeMs = this.#now();
    if (timeMs - this.#shownMs < this.#pauseMs) return;
    this.#shownMs = timeMs;
    const { fields, line } = shown();
    if (this.#bar !== null) this.#bar.update(done, fields);
    else if (line !== null) this.#stream.write(`${line}\n`);
  }

  /** Prints a line above the bar, which is drawn again with its next step. */
  log(text: string): void {
    const clear = this.#bar !== null && this.#running ? '\r\x1b[K' : '';
    this.#stream.write(`${clear}${text}\n`);
  }

  /** Removes the bar and prints a message; a bar does not come back afterwards, the lines of a log go on. */
  say(text: string): void {
    if (this.#bar !== null) this.stop();
    this.#stream.write(`${text}\n`);
  }

  /** Removes the bar and gives the cursor back. */
  stop(): void {
    if (this.#running) this.#bar?.stop();
    this.#running = false;
  }
}

function barOn(stream: NodeJS.WriteStream, format: string): SingleBar {
  return new SingleBar(
    {
      stream,
      format,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      linewrap: false,
      gracefulExit: false, // bench/cli/signals.ts handles Ctrl-C
    },
    Presets.shades_classic,
  );
}
