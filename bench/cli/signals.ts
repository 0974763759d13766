import { exitCode } from '../errors.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface SignalActions {
  /**
   * Called on the first signal, so that the command can finish its current step and print what it has.
   * Returns false when there is no step to finish; the process then ends at once. Absent: the first signal
   * already ends the process.
   */
  readonly orderly?: () => boolean;
  /** Called just before the process exits: kills helper processes and closes files. */
  readonly atOnce: () => void;
}

export interface SignalHandling {
  /** Aborts on the first signal, when `orderly` has returned true. */
  readonly signal: AbortSignal;
  /** Removes the handlers; a later signal then has its default effect. */
  end(): void;
}

/**
 * The one handler of SIGINT (Ctrl-C), SIGTERM and SIGHUP, used by every command; it treats the three alike.
 * The first signal ends the command in order, the second ends the process at once. Both ways lead to exit
 * code 130.
 */
export function handleSignals({ orderly, atOnce }: SignalActions): SignalHandling {
  const stop = new AbortController();
  const handle = (signal: NodeJS.Signals) => {
    if (signal === 'SIGHUP') ignoreClosedTerminal();
    if (!stop.signal.aborted && orderly?.() === true) {
      stop.abort();
      return;
    }
    atOnce();
    process.exit(exitCode.interrupted);
  };
  for (const signal of signals) process.on(signal, handle);
  return {
    signal: stop.signal,
    end() {
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
