import { clearInterval, setInterval } from 'node:timers';
import { now } from '../worker/clock.js';
import type { Staff } from './staff.js';
import type { Stage } from './stage.js';
import type { StagedRun } from './staged-run.js';

export interface StallParts {
  readonly staff: Staff;
  readonly stages: readonly Stage[];
  readonly run: StagedRun;
}

/**
 * Ends a run that has stalled: documents are there, no worker runs any, the caller takes no outcome, and
 * nothing has moved for a time. While a worker starts, that time is at least twice the longest start so far.
 * This should never happen, but a run that hangs without a word would be worse.
 * @param stallMs nothing has moved for this time, ms
 * @returns ends the watch
 */
export function watchForStall(parts: StallParts, stallMs: number): () => void {
  const timer = setInterval(
    () => {
      const cause = stallOf(parts, stallMs);
      if (cause === null) return;
      clearInterval(timer);
      for (const worker of parts.staff.workers) if (worker.isStarting) worker.kill();
      parts.run.giveUp(cause);
    },
    Math.max(1, Math.min(stallMs / 4, 1000)),
  );
  timer.unref();
  return () => clearInterval(timer);
}

function stallOf({ staff, stages, run }: StallParts, stallMs: number): Error | null {
  if (run.live === 0 || run.outcomes.isEmitting) return null;
  if (staff.workers.some(({ requests }) => requests.length > 0)) return null;
  const startMs = Math.max(
    0,
    ...staff.workers.filter(({ isReady }) => isReady).map(({ startMs }) => startMs),
  );
  const isStarting = staff.workers.some(({ isStarting }) => isStarting);
  const limitMs = isStarting ? Math.max(stallMs, 2 * startMs) : stallMs;
  const stillMs = now() - run.movedMs;
  if (stillMs < limitMs) return null;
  const lines = stages.map((stage) => describe(stage, staff));
  const seconds = Math.round(stillMs / 100) / 10;
  return new Error(
    `the pipeline has stalled: nothing has moved for ${seconds} s, ` +
      `and ${run.live} documents have no outcome. ${lines.join('; ')}; ` +
      `outcomes: ${run.outcomes.length} waiting. ` +
      'Look at the stage that has values waiting and no worker ready',
  );
}

function describe(stage: Stage, staff: Staff): string {
  const workers = staff.of(stage.number);
  const ready = workers.filter(({ isReady }) => isReady).length;
  const starting = workers.filter(({ isStarting }) => isStarting).length;
  const waiting = stage.waiting.length + stage.alone.length;
  const kilobytes = Math.round(stage.waitingBytes / 1024);
  return (
    `${stage.description.name}: ${waiting} waiting (${kilobytes} KB), ${stage.inWorkers} in workers, ` +
    `${ready} of ${workers.length} workers ready, ${starting} starting${stage.isBlocked ? ', blocked' : ''}`
  );
}
