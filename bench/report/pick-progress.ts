import { ProgressBar } from '../cli/progress-bar.js';
import type { RaceEvent } from '../pick/race/options.js';
import { rowName } from '../tables/series.js';
import { duration, number } from '../words/units.js';

/** Progress of a race: the share of the budget that is spent, and the configurations that are still in it. */
export interface PickProgress {
  start(startedMs: number): void;
  on(event: RaceEvent): void;
  say(text: string): void;
  stop(): void;
}

export function pickProgressOn(stream: NodeJS.WriteStream, budgetMs: number): PickProgress {
  const bar = new ProgressBar(stream, {
    format: '{bar} {left} left · block {block} · {running} still in it · {last}',
  });
  let beganMs = performance.now();
  const spentMs = () => Math.min(performance.now() - beganMs, budgetMs);
  /** The bar is redrawn after every trial and keeps its fields in between; a log gets one line per block. */
  let fields = { left: duration(budgetMs), block: '1', running: '', last: 'starting' };
  return {
    start(startedMs) {
      beganMs = startedMs;
      bar.start(Math.round(budgetMs), 0, fields);
    },
    on(event) {
      if (event.kind === 'trial')
        fields = {
          left: duration(budgetMs - spentMs()),
          block: String(event.block),
          running: String(event.left),
          last: inWords(event),
        };
      bar.step(Math.round(spentMs()), () => ({ fields, line: lineOf(event) }));
    },
    say: (text) => bar.say(text),
    stop: () => bar.stop(),
  };
}

function lineOf(event: RaceEvent): string | null {
  if (event.kind !== 'block') return null;
  return `block ${event.block}${event.final ? ' (final)' : ''}: still in it: ${event.left.join(', ')}`;
}

function inWords({ trial }: Extract<RaceEvent, { kind: 'trial' }>): string {
  const result =
    trial.status === 'ok'
      ? `${number(trial.documents_per_second)} documents/s`
      : `${trial.status}: ${trial.reason}`;
  return `${rowName(trial)}: ${result}`;
}
