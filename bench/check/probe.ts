import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { Probe, ProbeNotice, ProbeRequest } from './probe-host.js';

/** A place in which a task is tried. */
export interface Place {
  readonly name: 'main thread' | 'two threads at once' | 'child process';
  /** The module of the strategy that runs it there. */
  readonly strategy: string;
  readonly workers: number;
  readonly passes: number;
  /** The first pass begins no document later than this. */
  readonly timeMs?: number;
  /** A document may be silent for its time limit and this much longer. */
  readonly graceMs: number;
}

export type Tried = { readonly place: Place } & (
  | { readonly state: 'done'; readonly probe: Probe }
  /** The process did not finish: what it was doing, with which document if any, and how it ended. */
  | {
      readonly state: 'ended';
      readonly step: 'loading' | 'documents';
      readonly id: string | null;
      readonly late: boolean;
      readonly said: string;
    }
  /** The place was not tried, because the main thread failed already. */
  | { readonly state: 'skipped' }
);

/** Our own process starts within this time, even on a busy machine. */
const startMs = 10_000;

/** Tries the task in a separate process, which may exit, abort or hang. Never throws because of the task. */
export async function tryIn(
  helpers: HelperProcesses,
  place: Place,
  request: Pick<ProbeRequest, 'workload' | 'corpus' | 'timeoutMs' | 'loadsTask'>,
): Promise<Tried> {
  const host = new Helper(helpers, new URL('./probe-host.js', import.meta.url));
  let step: 'loading' | 'documents' = 'loading';
  let id: string | null = null;
  let late = false;
  let timer: NodeJS.Timeout | undefined;
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(
      () => {
        late = true;
        host.end();
      },
      request.timeoutMs + (step === 'loading' ? startMs : place.graceMs),
    );
  };
  alive();
  try {
    const { strategy, workers, passes, timeMs } = place;
    const probe = await host.ask<Probe, ProbeNotice>(
      {
        ...request,
        strategy,
        workers,
        passes,
        ...(timeMs !== undefined && { timeMs }),
      } satisfies ProbeRequest,
      {
        async onNotice(notice) {
          alive();
          step = 'documents';
          if (notice.at === 'document') id = notice.id;
        },
      },
    );
    return { place, state: 'done', probe };
  } catch (cause) {
    return { place, state: 'ended', step, id, late, said: (cause as Error).message };
  } finally {
    clearTimeout(timer);
    host.end();
  }
}
