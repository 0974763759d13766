import { Presets, SingleBar } from 'cli-progress';
import type { RaceEvent } from '../pick/race.js';
import { duration, number } from '../words/units.js';

/** Progress of a race: how much of the budget is spent, and who is still in it. On the error stream. */
export interface PickProgress {
  start(startedMs: number): void;
  on(event: RaceEvent): void;
  stop(): void;
}

export function pickProgressOn(stream: NodeJS.WriteStream, budgetMs: number): PickProgress {
  return stream.isTTY && process.env.TERM !== 'dumb' ? bar(stream, budgetMs) : lines(stream);
}

function bar(stream: NodeJS.WriteStream, budgetMs: number): PickProgress {
  const bar = new SingleBar(
    {
      stream,
      format: '{bar} {left} left · block {block} · {running} still in it · {last}',
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      linewrap: false,
      gracefulExit: false, // Ctrl-C is ours to handle
    },
    Presets.shades_classic,
  );
  let beganMs = performance.now();
  let shown = false;
  return {
    start(startedMs) {
      beganMs = startedMs;
      shown = true;
      bar.start(Math.round(budgetMs), 0, {
        left: duration(budgetMs),
        block: 1,
        running: '',
        last: 'starting',
      });
    },
    on(event) {
      if (!shown || event.kind !== 'trial') return;
      const spentMs = performance.now() - beganMs;
      const left = duration(Math.max(0, budgetMs - spentMs));
      bar.update(Math.min(Math.round(spentMs), budgetMs), {
        left,
        block: event.block,
        running: event.left,
        last: inWords(event),
      });
    },
    stop() {
      if (shown) bar.stop();
      shown = false;
    },
  };
}

function lines(stream: NodeJS.WriteStream): PickProgress {
  return {
    start: () => {},
    on(event) {
      if (event.kind === 'block')
        stream.write(
          `block ${event.block}${event.final ? ' (final)' : ''}: still in it: ${event.left.join(', ')}\n`,
        );
    },
    stop: () => {},
  };
}

function inWords({ trial }: Extract<RaceEvent, { kind: 'trial' }>): string {
  const { strategy, workers, documents_per_second, status, reason } = trial;
  return `${strategy} × ${workers}: ${status === 'ok' ? `${number(documents_per_second ?? 0)} documents/s` : `${status}: ${reason}`}`;
}
