import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { workloads } from '../../../workloads/index.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import { exitCode, UsageError, unknownName } from '../../errors.js';
import { readEnvironment } from '../../measure/environment.js';
import {
  copyTable,
  granularityTable,
  type OverheadTrial,
  overheadTable,
  type TaskTime,
  taskTable,
} from '../../overhead/columns.js';
import { FileCorpora } from '../../overhead/files.js';
import type { OverheadRequest } from '../../overhead/host.js';
import { measureCopy, measureOverhead, measureSweep, type OverheadCell } from '../../overhead/measure.js';
import { type OverheadPlan, sweepCells, turnsOf } from '../../overhead/plan.js';
import { type Line, lines, seriesOf } from '../../overhead/series.js';
import { encodeHeader, encodeRows } from '../../tables/csv.js';
import type { Environment } from '../../tables/environment.js';
import { Store } from '../../tables/store.js';
import type { Row, Table } from '../../tables/table.js';
import { schema } from '../../tables/trial-columns.js';
import { Helper } from '../../trials/helper.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { roundOrder } from '../../trials/plan.js';
import { loadStrategies } from '../../trials/prepare.js';
import { namedStrategies } from '../../trials/request.js';
import { parseCount, parseDuration, parseList, parseSize } from '../../words/parse.js';
import { duration, listed } from '../../words/units.js';
import { commandLine, newRunFolder } from '../folder.js';
import { publishOverhead } from '../publish-overhead.js';
import { handleSignals } from '../signals.js';
import { note, print } from '../terminal.js';

export interface OverheadFlags {
  strategies: string;
  lines: string;
  sizes: string;
  workers: string;
  rounds: string;
  seed: string;
  time: string;
  out?: string;
}

/** The measured processes import `createRunner` from here. */
const runner = new URL('../../../index.js', import.meta.url).href;
const peerLibraries = ['tinypool', 'poolifier', 'jest-worker'];
/** Share of a trial's time that each length of the task gets in a sweep, which has eight of them. */
const pointPart = 0.4;

/**
 * `forkwise overhead`, `npm run bench:overhead`: measures what strategies and peers cost beside the task,
 * and the shortest tasks they can afford.
 * @returns the exit code.
 */
export async function overhead(flags: OverheadFlags): Promise<number> {
  const chosen = namedStrategies(flags.strategies, { strategies, peers });
  const kinds = parseList(flags.lines, '--lines', line);
  const plan: OverheadPlan = {
    series: seriesOf(await loadStrategies(chosen.map(({ url }) => url))).filter((one) =>
      kinds.includes(one.line),
    ),
    sizes: parseList(flags.sizes, '--sizes', documentBytes),
    workers: parseList(flags.workers, '--workers', (text) => parseCount(text, 'each of --workers')),
  };
  if (plan.series.length === 0)
    throw new UsageError(
      `expected strategies that have ${listed(kinds)}, got "${flags.strategies}": ` +
        'name others, or other --lines',
    );
  const rounds = parseCount(flags.rounds, '--rounds');
  const seed = parseCount(flags.seed, '--seed');
  const timeMs = parseDuration(flags.time);
  const store = Store.create(flags.out ?? newRunFolder());
  const helpers = new HelperProcesses();
  const files = new FileCorpora(helpers.folder);
  const signals = handleSignals({
    atOnce() {
      helpers.end();
      note(`interrupted; what was measured until then is in ${store.folder}`);
    },
  });
  try {
    const environment = await begin(store, { rounds, seed });
    const trials = await measure(plan, {
      store,
      helpers,
      files,
      rounds,
      seed,
      timeMs,
      cores: environment.cores.effective,
    });
    print(await publishOverhead(store));
    return trials.some(({ phase, status }) => phase === 'measure' && status === 'ok')
      ? exitCode.ok
      : exitCode.failed;
  } finally {
    signals.end();
    helpers.end();
  }
}

async function begin(store: Store, { rounds, seed }: { rounds: number; seed: number }): Promise<Environment> {
  const environment = await readEnvironment(
    {
      schema,
      run_id: store.runId,
      command: commandLine(),
      seed,
      profile: 'overhead',
      claims: 'suggests',
      flags: {},
      plan: { trials_per_round: 0, rounds_least: rounds, rounds_most: rounds },
      corpora: [],
    },
    peerLibraries,
  );
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
  return environment;
}

interface MeasureOptions {
  readonly store: Store;
  readonly helpers: HelperProcesses;
  readonly files: FileCorpora;
  readonly rounds: number;
  readonly seed: number;
  /** Duration of a trial's timed passes. */
  readonly timeMs: number;
  readonly cores: number;
}

async function measure(
  plan: OverheadPlan,
  { store, helpers, files, rounds, seed, timeMs, cores }: MeasureOptions,
): Promise<readonly OverheadTrial[]> {
  const trials = new TableFile(store, 'overhead.csv', overheadTable);
  const points = new TableFile(store, 'granularity.csv', granularityTable);
  const copies = new TableFile(store, 'copies.csv', copyTable);
  const measuring = { helpers, files, runner, cores, timeMs };
  const dispatch = async (cell: OverheadCell, place: Pick<OverheadTrial, 'phase' | 'round'>) => {
    const trial = await measureOverhead(cell, place, measuring);
    if (trial.status === 'failed')
      note(`${trial.strategy} × ${trial.workers}, ${trial.document_bytes} bytes: ${trial.reason}`);
    trials.add(trial);
  };

  const cells = sweepCells(plan);
  note(`${cells.length} ways to dispatch, to find the best of each strategy`);
  for (const cell of roundOrder(cells, { seed, round: 0 }))
    await dispatch(cell, { phase: 'sweep', round: 1 });
  const turns = turnsOf(plan, trials.rows);
  for (let round = 1; round <= rounds; round++) {
    const startedMs = performance.now();
    for (const document_bytes of plan.sizes)
      copies.add({ round, document_bytes, copy_us: await measureCopy(document_bytes, measuring) });
    for (const { cell, steps } of roundOrder(turns, { seed, round })) {
      if (steps.length === 1) await dispatch(cell, { phase: 'measure', round });
      else
        points.add(...(await measureSweep(cell, steps, { ...measuring, timeMs: timeMs * pointPart, round })));
    }
    note(`round ${round} of ${rounds}: ${turns.length} trials in ${duration(performance.now() - startedMs)}`);
  }
  new TableFile(store, 'word-frequency.csv', taskTable).add(...(await wordFrequency(helpers, 2 * timeMs)));
  return trials.rows;
}

/** A table whose rows are written as they come. */
class TableFile<T extends Table> {
  readonly rows: Row<T>[] = [];
  readonly #path: string;
  readonly #table: T;

  constructor(store: Store, name: string, table: T) {
    store.write(name, encodeHeader(table));
    this.#path = join(store.folder, name);
    this.#table = table;
  }

  add(...rows: Row<T>[]): void {
    this.rows.push(...rows);
    appendFileSync(this.#path, encodeRows(this.#table, rows));
  }
}

/** Measures how long `word-frequency` takes on documents of several sizes, one after the other. */
async function wordFrequency(helpers: HelperProcesses, timeMs: number): Promise<TaskTime[]> {
  const { name, url } = workloads.find(({ name }) => name === 'word-frequency') as (typeof workloads)[0];
  const tasks: TaskTime[] = [];
  for (const bytes of [100, 1_000, 10_000, 100_000]) {
    const { documents } = syntheticCorpus({
      name: 'synthetic',
      size: bytes,
      count: 50,
      complexity: 'medium',
      seed: 1,
    });
    const host = new Helper(helpers, new URL('../../overhead/host.js', import.meta.url));
    const request: OverheadRequest = {
      kind: 'task',
      workload: { name, url, options: {} },
      documents,
      timeMs,
    };
    tasks.push({ document_bytes: bytes, task_us: await host.ask<number>(request) });
    host.end();
  }
  return tasks;
}

function line(text: string): Line {
  const found = lines.find((name) => name === text);
  if (found === undefined) throw unknownName('kind of lines', text, lines);
  return found;
}

/** Reads `0B` or a size of at least 8 bytes. @throws UsageError */
function documentBytes(text: string): number {
  if (/^0b?$/i.test(text)) return 0;
  const bytes = parseSize(text);
  if (bytes < 8) throw new UsageError(`--sizes: expected 0B, or 8 bytes or more, got "${text}"`);
  return bytes;
}
