import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type {
  Documents,
  OpenOptions,
  Outcome,
  Session,
  Strategy,
  StrategyEntry,
  TaskError,
} from '../strategies/strategy.js';
import type { Document, WorkloadRef } from '../workloads/workload.js';
import { onSharedBroker } from './shared-broker.js';

/** Several test files use these functions. */

/**
 * Loads the strategies of these modules, so that a test can open them itself. A strategy of ours that needs a
 * broker gets one that is shared, and is left out where there is none.
 */
export async function openable(entries: readonly Pick<StrategyEntry, 'url'>[]): Promise<Strategy[]> {
  const loaded = await Promise.all(
    entries.map(async ({ url }) => ((await import(url)) as { default: Strategy }).default),
  );
  return loaded.flatMap((strategy) =>
    strategy.isolation === 'machine' && strategy.origin === 'ours' ? onSharedBroker(strategy) : [strategy],
  );
}

/** `npm run test:long` runs what `npm test` runs for a few strategies and tasks alone. */
const isLong = process.env.FORKWISE_TESTS === 'long';

/** The options of a test that takes long, and of which `npm test` runs another of the same kind. */
export const onlyLong = { skip: isLong ? false : 'npm run test:long' };

/**
 * In `npm test` every strategy keeps the basic promises: the outcomes of `sequential`, one for each document,
 * in order, also after a death, a time limit and a cancellation. The rest is tested there once for each code
 * that keeps it, and in `npm run test:long` for all strategies.
 *
 * These are made of parts that others have: `partitioned` is `self-scheduling` with another queue,
 * `process-pool` has the session of `thread-pool` and processes as `queue` has them, and `hybrid` and
 * `broker` open both kinds of workers elsewhere.
 */
const madeOfParts = ['process-pool', 'partitioned', 'hybrid', 'broker'];
/** This one has the worker of `thread-pool`, too: what is around the task, in `strategies/worker/`. */
const sameWorker = [...madeOfParts, 'self-scheduling'];

/** The options of a test of a promise that the engine of a strategy keeps, and that is not basic. */
export function longWithParts({ name }: Strategy): { skip: string | boolean } {
  return madeOfParts.includes(name) ? onlyLong : { skip: false };
}

/** The options of a test of a promise that the code around the task keeps, in any worker. */
export function longWithSameWorker({ name }: Strategy): { skip: string | boolean } {
  return sameWorker.includes(name) ? onlyLong : { skip: false };
}

const engines = ['sequential', 'thread-pool', 'process-pool', 'partitioned', 'queue', 'pipeline'];

/**
 * The options of a test that `npm test` runs with one strategy of each engine, and `npm run test:long` with
 * all of them: the other strategies are made of the parts of these.
 */
export function longUnlessEngine({ name }: Pick<Strategy, 'name'>): { skip: string | boolean } {
  return engines.includes(name) ? { skip: false } : onlyLong;
}

/** Makes documents with these ids and distinct contents; each has a buffer of its own. */
export function documentsOf(ids: readonly string[], size = 100): Document[] {
  return ids.map((id, index) => ({ index, id, size, bytes: new Uint8Array(size).fill(97 + (index % 26)) }));
}

/**
 * Returns the outcomes of one run, in the order of the documents. @throws when a document had two or none.
 */
export async function outcomesOf(session: Session, documents: Documents, count: number): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await session.run(documents, (outcome) => {
    if (outcomes[outcome.index] !== undefined) throw new Error(`two outcomes for ${outcome.id}`);
    outcomes[outcome.index] = outcome;
  });
  const found = Object.keys(outcomes).length;
  if (found !== count) throw new Error(`expected ${count} outcomes, got ${found}`);
  return outcomes;
}

export async function withSession<T>(
  strategy: Strategy,
  workload: WorkloadRef,
  options: Partial<OpenOptions>,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await strategy.open(workload, { workers: 2, delivery: strategy.deliveries[0], ...options });
  try {
    return await use(session);
  } finally {
    await session.close();
  }
}

export const cliPath = fileURLToPath(new URL('../bench/cli.js', import.meta.url));

/** Runs `forkwise` with these arguments, uncoloured, in a folder. */
export function cli(
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [cliPath, ...args],
      { cwd, env: { ...process.env, NO_COLOR: '1', ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
      },
    );
  });
}

/** The command draws no charts with this environment: they take half a second. */
export const chartless = {
  NODE_OPTIONS: `--import=${new URL('./fixtures/preloads/without-charts.js', import.meta.url).href}`,
};

/** A task of `test/fixtures/tasks`. */
export function fixture(name: string, options: WorkloadRef['options'] = {}): WorkloadRef {
  return { name, url: new URL(`./fixtures/tasks/${name}.js`, import.meta.url).href, options };
}

/** Returns the error of an outcome that must have one. */
export function errorOf(outcome: Outcome): TaskError {
  if (outcome.status === 'ok') throw new Error(`expected "${outcome.id}" to fail`);
  return outcome.error;
}
