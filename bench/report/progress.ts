import { ProgressBar } from '../cli/progress-bar.js';
import { rowName } from '../tables/series.js';
import type { TrialRow } from '../tables/trial-columns.js';
import type { Progress } from '../trials/rounds.js';
import { duration, number } from '../words/units.js';

/**
 * Shows the progress of a run, in trials.
 * @param baseline names the strategy that has no number of workers
 */
export function progressOn(
  stream: NodeJS.WriteStream,
  { baseline }: { readonly baseline: string },
): Progress {
  const bar = new ProgressBar(stream, {
    format: '{bar} {value}/{total} trials · round {round} · {left} left · {last}',
  });
  return {
    start: ({ trials, estimateMs }) =>
      bar.start(trials, 0, { round: '1', left: duration(estimateMs), last: 'starting' }),
    trial(trial, { done, trials, rounds, leftMs }) {
      const round = `${trial.round}/${rounds}`;
      const left = duration(leftMs);
      const last = inWords(trial, baseline);
      bar.step(done, () => ({
        fields: { round, left, last },
        line: `${done}/${trials} · round ${round} · ${last} · ${left} left`,
      }));
    },
    say: (text) => bar.say(text),
    stop: () => bar.stop(),
  };
}

function inWords(trial: TrialRow, baseline: string): string {
  const { twin, workload, corpus, strategy } = trial;
  const name = strategy === baseline ? strategy : rowName(trial);
  const result =
    trial.status === 'ok'
      ? `${number(trial.documents_per_second)} documents/s`
      : `${trial.status}: ${trial.reason}`;
  return `${workload} ${corpus} ${name}${twin === null ? '' : ` (${twin})`}: ${result}`;
}
