import { clearInterval, setInterval } from 'node:timers';
import { Allotter } from '../../control/allotment.js';
import { taskServices } from '../../services/task-services.js';
import { maxRuns } from '../session/attempts.js';
import { BufferGarbage } from '../session/buffer-garbage.js';
import { HiddenEnds } from '../session/hidden-ends.js';
import { guarded } from '../session/session.js';
import { CallerEnd } from '../session/side-channel.js';
import type { StageReport, Strategy } from '../strategy.js';
import { now } from '../worker/clock.js';
import { Deaths } from './deaths.js';
import { garbageLimits, QueueRoom } from './limits.js';
import { Staff } from './staff.js';
import { Stage } from './stage.js';
import { StagedRun } from './staged-run.js';
import { watchForStall } from './stall.js';

/** All queues together hold about this much where the caller does not say, MB of 2²⁰ bytes. */
const usualMb = 64;
/** A run in which nothing moves for this time has stalled, where the caller does not say, ms. */
const usualStallMs = 30_000;
/** The workers are allotted again at most this often, ms. */
const allotmentMs = 1000;

export default {
  name: 'pipeline',
  about: 'workers per stage of the task, with bounded queues between them; the slowest stage gets the most',
  isolation: 'thread',
  origin: 'ours',
  baseline: false,
  concurrency: 'workers',
  measured: 'when it applies',
  maxRuns: maxRuns.reportedTogether,
  workerModule: new URL('./worker/thread.js', import.meta.url).href,
  deliveries: ['clone', 'reference'],
  travelsInFile: [],
  scales: true,
  staged: true,
  async open(workload, { delivery, channel, ...options }) {
    const { workers, timeoutMs, configuration, pipeline = {} } = options;
    if (options.cache !== undefined)
      throw new RangeError(
        'expected no `cache` for pipeline, whose stages run apart: ' +
          'other strategies keep the results of all stages of a document together',
      );
    const callerEnd = new CallerEnd(channel, options);
    const services = taskServices(options);
    const hidden = new HiddenEnds();
    const bytes = (pipeline.mb ?? usualMb) * 2 ** 20;
    const garbage = garbageLimits(bytes, workers);
    const staff = await Staff.open({
      ...options,
      workload,
      services,
      callerEnd,
      hidden,
      garbageBytes: garbage.worker,
    });
    const stages = staff.stages.map((description, number) => new Stage(number, description, timeoutMs));
    const room = new QueueRoom({ places: pipeline.places, bytes }, stages);
    const deaths = new Deaths(staff.isStaged, hidden);
    const mayMove = staff.allotment !== null && workers > stages.length;
    const allotter =
      mayMove && configuration === undefined ? new Allotter({ stages: staff.stages, workers }) : null;
    let current: StagedRun | null = null;
    const allot = () => {
      const decision = allotter?.decide(now()) ?? null;
      if (decision === null) return;
      staff.allot(decision.workers);
      pipeline.onDecision?.(decision.why);
    };
    return guarded({
      callerEnd,
      takesReferences: delivery === 'reference',
      async run(documents, emit, cancelling) {
        const run = new StagedRun(
          {
            staff,
            stages,
            room,
            deaths,
            garbage: new BufferGarbage(garbage.caller),
            learned: ({ number }, { count, values, busyMs }) =>
              allotter?.observe({ stage: number, documents: count, values, busyMs }),
          },
          { documents, emit, cancelling },
        );
        current = run;
        staff.listen(run);
        const endWatch = watchForStall({ staff, stages, run }, pipeline.stallMs ?? usualStallMs);
        const timer = allotter === null ? null : setInterval(allot, allotmentMs);
        try {
          await run.run();
        } finally {
          current = null;
          endWatch();
          if (timer !== null) clearInterval(timer);
        }
      },
      cancel: (index) => current?.cancel(index),
      stages: () => stages.map((stage) => reportOf(stage, staff)),
      members: () => staff.members(),
      close: () => staff.close(),
      kill() {
        staff.kill();
        current?.kill();
      },
    });
  },
} satisfies Strategy;

function reportOf(stage: Stage, staff: Staff): StageReport {
  const workers = staff.of(stage.number);
  const { documents, bytes, busyMs, blockedMs, idleMs } = stage;
  return {
    stage: stage.description.name,
    workers: workers.length,
    starting: workers.filter(({ isReady }) => !isReady).length,
    documents,
    bytes,
    busyMs,
    blockedMs,
    idleMs,
    waiting: stage.inFront,
    waitingBytes: stage.bytesInFront,
  };
}
