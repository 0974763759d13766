import { ProgressBar } from '../cli/progress-bar.js';
import type { TrialRow } from '../tables/columns.js';
import type { Progress } from '../trials/rounds.js';
import { duration, number } from '../words/units.js';

/** Progress of a run, in trials. */
export function progressOn(stream: NodeJS.WriteStream): Progress {
  const bar = new ProgressBar(stream, {
    format: '{bar} {value}/{total} trials · round {round} · {left} left · {last}',
  });
  return {
    start: ({ trials, estimateMs }) =>
      bar.start(trials, 0, { round: '1', left: duration(estimateMs), last: 'starting' }),
    trial(trial, { done, trials, rounds, leftMs }) {
      const round = `${trial.round}/${rounds}`;
      const left = duration(leftMs);
      const last = inWords(trial);
      bar.step(done, () => ({
        fields: { round, left, last },
        line: `${done}/${trials} · round ${round} · ${last} · ${left} left`,
      }));
    },
    say: (text) => bar.say(text),
    stop: () => bar.stop(),
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
