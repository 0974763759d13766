import { Presets, SingleBar } from 'cli-progress';
import type { TrialRow } from '../tables/columns.js';
import type { Progress } from '../trials/rounds.js';
import { duration, number } from '../words/units.js';

/** Progress for a person at a terminal, or plain lines for a log; always on the error stream. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  return stream.isTTY && process.env.TERM !== 'dumb' ? bar(stream) : lines(stream);
}

function bar(stream: NodeJS.WriteStream): Progress {
  const bar = new SingleBar(
    {
      stream,
      format: '{bar} {value}/{total} trials · round {round} · {left} left · {last}',
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      linewrap: false,
      gracefulExit: false, // Ctrl-C is ours to handle
    },
    Presets.shades_classic,
  );
  let shown = true;
  /** Clears the bar's line and gives the cursor back. */
  const stop = () => {
    shown = false;
    bar.stop();
  };
  return {
    start: ({ trials, estimateMs }) =>
      bar.start(trials, 0, { round: '1', left: duration(estimateMs), last: 'starting' }),
    trial(trial, { done, rounds, leftMs }) {
      if (shown)
        bar.update(done, { round: `${trial.round}/${rounds}`, left: duration(leftMs), last: inWords(trial) });
    },
    say(text) {
      stop();
      stream.write(`${text}\n`);
    },
    stop,
  };
}

function lines(stream: NodeJS.WriteStream): Progress {
  return {
    start: () => {},
    trial: (trial, { done, trials, rounds, leftMs }) => {
      stream.write(
        `${done}/${trials} · round ${trial.round}/${rounds} · ${inWords(trial)} · ${duration(leftMs)} left\n`,
      );
    },
    say: (text) => stream.write(`${text}\n`),
    stop: () => {},
  };
}

function inWords({
  twin,
  workload,
  corpus,
  strategy,
  workers,
  documents_per_second,
  status,
  reason,
}: TrialRow): string {
  const result =
    status === 'ok' ? `${number(documents_per_second ?? 0)} documents/s` : `${status}: ${reason}`;
  return `${workload} ${corpus} ${strategy}${strategy === 'sequential' ? '' : ` × ${workers}`}${twin === null ? '' : ` (${twin})`}: ${result}`;
}
