import type { DecisionKind } from '../../control/work-number.js';
import type { AdaptiveStats } from '../../runner/adaptive.js';
import type { CacheStats } from '../../runner/cache-use.js';
import { type OpenSession, openForRunner, type RunnerOptions } from '../../runner/create-runner.js';
import { isolates } from '../../strategies/strategy.js';
import {
  type LeftOut,
  type LeftOutCounts,
  nothingLeftOut,
  type WalkEntry,
} from '../../workloads/file-walk.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { UsageError } from '../errors.js';
import type { Earlier } from '../job/again.js';
import { FileCount } from '../job/count-files.js';
import type { Output } from '../job/output.js';
import type { JobProgress } from '../job/progress.js';
import type { OwnProcess } from './own-process.js';
import { runAll } from './run-all.js';
import type { RunSettings } from './run-settings.js';
import { noteSlowStart } from './slow-start.js';
import { colorsFor, note } from './terminal.js';

/** These decisions about the number of documents at the same time may have moved it. */
const settles: ReadonlySet<string> = new Set<DecisionKind>(['raise', 'lower', 'guard']);
/** A job that takes longer than this counts its documents, so that progress can say how much is left, ms. */
const countAfterMs = 2000;

export interface RunRestOptions {
  readonly settings: RunSettings;
  readonly task: WorkloadRef;
  readonly output: Output;
  readonly progress: JobProgress;
  /** Walks through the files of the job, and counts what is no document. */
  readonly walk: (leftOut: LeftOutCounts) => Iterable<readonly WalkEntry[]>;
  /** What there is of the job; null where it begins. */
  readonly earlier: Earlier | null;
  /** A signal has come. */
  readonly stop: AbortSignal;
  /** The output cannot be written. */
  readonly broken: AbortSignal;
  /** Null where tasks run in workers. */
  readonly own: OwnProcess | null;
  /** Called when all workers are ready, before the first document. */
  readonly begun: () => void;
}

/** How the documents ran that had no lines. */
export interface RanRest extends Shown {
  /** True when every document has its line. */
  readonly complete: boolean;
  readonly elapsedMs: number;
  /** The job's documents, where the command has found or counted them all; else null. */
  readonly found: Found | null;
}

interface Found {
  readonly documents: number;
  readonly leftOut: LeftOut;
}

/** What the session has shown beside outcomes. */
interface Shown {
  readonly workersReplaced: number;
  /** Why the service of the task fails every document; null where it does not. */
  readonly serviceFailure: string | null;
  /** Absent where the number of documents at the same time does not follow the load. */
  readonly adaptive?: AdaptiveStats | undefined;
  /** Absent where results are not kept. */
  readonly cache?: CacheStats | undefined;
}

/** Runs the documents of a job that have no lines. */
export async function runRest(options: RunRestOptions): Promise<RanRest> {
  const { settings, task, output, progress, walk, earlier, stop, broken, own, begun } = options;
  const startedMs = performance.now();
  const opened = await noteSlowStart(openSession(options), { say: note, broker: settings.broker, task });
  begun();
  const all: { found: Found | null } = { found: null };
  const foundAll = (documents: number, leftOut: LeftOut) => {
    all.found = { documents, leftOut };
    progress.setTotal(documents);
  };
  const [countLeftOut, runLeftOut] = [nothingLeftOut(), nothingLeftOut()];
  const count = new FileCount(walk(countLeftOut), (total) => foundAll(total, countLeftOut));
  let ran: Omit<RanRest, 'found'>;
  try {
    progress.start({
      total: earlier?.all ?? null,
      done: earlier === null ? 0 : earlier.done - earlier.again,
    });
    if (opened.session.stages !== undefined) progress.watch(opened.session.stages.bind(opened.session));
    if (earlier === null) count.begin(countAfterMs);
    const complete = await runAll(opened, walk(runLeftOut), {
      output,
      order: settings.flags.order,
      found(total) {
        count.stop();
        foundAll(total, runLeftOut);
      },
      workers: settings.options.workers,
      isProtected: isolates(settings.traits.isolation, 'process'),
      stop,
      broken,
      own,
    });
    // The time ends here, because a teardown may take its own.
    ran = { complete, elapsedMs: performance.now() - startedMs, ...shownBy(opened) };
  } finally {
    count.stop();
    progress.stop();
    opened.facts.adaptive?.close();
    await opened.session.close({ now: broken.aborted });
  }
  if (earlier === null && all.found === null) await count.finish();
  return { ...ran, ...all };
}

/** @throws UsageError where the stages of the task are not those of `--stages` */
async function openSession({ settings, output, progress, stop }: RunRestOptions): Promise<OpenSession> {
  const { flags, traits, options, broker } = settings;
  const { run } = output;
  const log = (line: string) => progress.log(line);
  const asked: RunnerOptions = {
    ...options,
    // A job that was killed has left documents and results under this name.
    ...(broker !== null && { broker: { url: broker, run, stop } }),
    runId: run,
    force: flags.force === true,
    onDecision: ({ kind, why }) => {
      if (settles.has(kind)) log(`documents at the same time: ${why}`);
    },
    ...(traits.staged === true && { pipeline: { onDecision: log } }),
    ...(options.circuit && { circuit: { ...options.circuit, onDecision: log } }),
    onWarning: (warning) => note(`${colorsFor(process.stderr).yellow('warning:')} ${warning}`),
  };
  return openForRunner(asked, { isJob: true }).catch((cause: Error) => {
    // The strategy has compared the stages with those of the task.
    throw cause instanceof RangeError && flags.stages !== undefined
      ? new UsageError(`--stages: ${cause.message}`, { cause })
      : cause;
  });
}

function shownBy({ session, facts, circuit }: OpenSession): Shown {
  return {
    workersReplaced: session.replaced ?? 0,
    serviceFailure: circuit?.reason ?? null,
    adaptive: facts.adaptive?.stats(),
    cache: facts.cacheUse?.stats(),
  };
}
