import { clearTimeout, setTimeout } from 'node:timers';
import { exitCode } from '../errors.js';
import { endNow } from './end-process.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface SignalActions {
  /**
   * Called on the first signal, so that the command can finish its current step and print what it has.
   * Returns false when there is no step to finish; the process then ends at once. A number is how long the
   * step may take, ms, in place of `graceMs`. Absent: the first signal already ends the process.
   */
  readonly orderly?: () => boolean | number;
  /** Called just before the process exits: kills helper processes and closes files. */
  readonly atOnce: () => void;
  /** After the first signal the command has this long to end in order, ms. Absent: as long as it takes. */
  readonly graceMs?: number;
}

export interface SignalHandling {
  /** Aborts on the first signal, unless the process ends at once. */
  readonly signal: AbortSignal;
  /** Removes the handlers; a later signal then has its default effect, and the grace has no end any more. */
  end(): void;
}

/**
 * The one handler of SIGINT (Ctrl-C), SIGTERM and SIGHUP, used by every command; it treats the three alike.
 * The first signal ends the command in order, the second ends the process at once. Both ways lead to exit
 * code 130.
 */
export function handleSignals({ orderly, atOnce, graceMs }: SignalActions): SignalHandling {
  const stop = new AbortController();
  let grace: NodeJS.Timeout | undefined;
  const end = () => {
    atOnce();
    endNow(exitCode.interrupted);
  };
  const handle = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP') ignoreClosedTerminal();
    const step = !stop.signal.aborted && (orderly?.() ?? false);
    if (step === false) return end();
    const stepMs = step === true ? graceMs : step;
    if (stepMs !== undefined) grace = setTimeout(end, stepMs);
    stop.abort();
  };
  for (const signal of signals) process.on(signal, handle);
  return {
    signal: stop.signal,
    end() {
      clearTimeout(grace);
      for (const signal of signals) process.off(signal, handle);
    },
  };
}

/**
 * A write to a closed terminal fails with EIO, which must not end the process before its results are saved.
 */
function ignoreClosedTerminal(): void {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
}
