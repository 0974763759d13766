import { fork } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import timers from 'node:timers';
import { fileURLToPath } from 'node:url';
import { mean } from '../../../bench/stats/estimate.js';
import { type Paired, paired } from '../../../bench/stats/paired.js';
import { Helper } from '../../../bench/trials/helper.js';
import { HelperProcesses } from '../../../bench/trials/helper-processes.js';
import { createRunner, type Runner, type RunnerOptions } from '../../../index.js';
import { AdaptiveNumber } from '../../../runner/adaptive.js';

/**
 * One measurement of `npm run test:adaptive-real`, in a process of its own: Node's test runner follows every
 * promise, so that a document through `async` costs several times as much. This prints what it finds, and
 * sends the figures that are judged to its parent.
 */
const share = Number(process.env.FORKWISE_SHARE ?? 1);
/** Turns are short: a machine with neighbours may be twice as fast in one second as in the next. */
const turnMs = 1000;
/**
 * A session keeps the machine code that its workers compiled first, and the next session may be some per cent
 * faster or slower. So runners are opened again this often.
 */
const sessions = 8;
/** Turns of each runner in a session. */
const rounds = Math.max(2, 4 * share);
/** The first turns of each runner in a session, which are not counted. */
const warmRounds = 2;
/** Pairs of turns that CPU time is compared in. */
const costRounds = Math.max(2, 96 * share);
/** Rounds while a trouble is there, and after it. */
const troubleRounds = Math.max(2, 20 * share);
/** The adaptive runner finds its number in this time. */
const findMs = 60_000 * share;
/** A trouble is answered, and its end is, within this time. */
const settleMs = 10_000 * share;
const self = fileURLToPath(import.meta.url);

interface Task {
  readonly name: string;
  readonly options: Omit<RunnerOptions, 'workers'>;
  readonly bytes: number;
  /** Sets the number of documents at the same time. */
  readonly at: (number: number) => Pick<RunnerOptions, 'workers' | 'perWorker'>;
  readonly start: number;
  readonly fixed: readonly number[];
  /** This fixed number is right with and without a trouble. */
  readonly right?: number;
}

const inFlight = (workers: number) => ({ workers });
const perWorker = (number: number) => ({ workers: 2, perWorker: number });
const task = (path: string) => new URL(`../../../${path}.js`, import.meta.url);

/** What is measured, and the figures of it that are judged. */
export type Figures = Readonly<Record<string, number>>;

/** @param what a place in the list of tasks, a trouble, or `cost` */
async function measured(what: string, tasks: readonly Task[]): Promise<Figures | null> {
  if (what === 'neighbour-comes')
    return through(tasks[2] as Task, 'a neighbour', () => {
      const neighbour = fork(self, ['neighbour']);
      return () => neighbour.kill('SIGKILL');
    });
  if (what === 'quota') return withQuota(tasks[2] as Task);
  if (what === 'cost') return cost(tasks[1] as Task);
  return besideFixed(tasks[Number(what)] as Task);
}

/** Lets an adaptive runner find its number, and measures it beside fixed numbers from there. */
async function besideFixed(task: Task): Promise<Figures> {
  const first = await open(task, task.start, true);
  await rateOf(first, task, findMs);
  let number = numberOf(first);
  await first.close();
  // For each session, one logarithm of the rate to each fixed number.
  const ratios = task.fixed.map((): number[] => []);
  for (let session = 0; session < sessions; session++) {
    const found = number;
    const runners = await Promise.all([
      open(task, found, true),
      ...task.fixed.map((fixed) => open(task, fixed, false)),
    ]);
    const rates = runners.map((): number[] => []);
    for (let round = 0; round < warmRounds + rounds; round++)
      for (const [i, runner] of inAnyOrder(runners.entries())) {
        const rate = await rateOf(runner, task, turnMs);
        if (round >= warmRounds) rates[i]?.push(rate);
      }
    const [own = [], ...others] = rates;
    for (const [i, other] of others.entries()) ratios[i]?.push(ratio(own, other).mean);
    number = numberOf(runners[0] as Runner);
    print(task, `session ${session + 1}`, `adaptive number ${found}, then ${number}`);
    for (const runner of runners) await runner.close();
  }
  for (const [i, fixed] of task.fixed.entries())
    print(task, `fixed ${fixed}`, interval(paired(ratios[i] as number[])));
  return { ofBest: Math.exp(Math.min(...ratios.map(mean))) };
}

function numberOf(runner: Runner): number {
  return runner.stats().adaptive?.number as number;
}

/** Returns null where this process may make no cgroup for CPU time. */
async function withQuota(task: Task): Promise<Figures | null> {
  const quota = Quota.made();
  if (quota === null) return null;
  try {
    return await through(task, 'one core instead of all', () => {
      quota.set(1);
      return () => quota.set(ampleCores);
    });
  } finally {
    quota.end();
  }
}

/** Measures what a runner that follows the load spends on it, and compares its CPU time with another's. */
async function cost(task: Task): Promise<Figures> {
  const number = 16;
  const own = timed();
  const runners = [await open(task, number, true), await open(task, number, false)] as const;
  const cores: number[] = [];
  let ownMs = 0;
  for (let round = 0; round < costRounds; round++) {
    const before = own.ms();
    const on = await cpuOf(runners[0], task);
    ownMs += own.ms() - before;
    const off = await cpuOf(runners[1], task);
    // CPU time per document, at the rate of the runner that follows.
    cores.push((on.cpuMs / on.documents - off.cpuMs / off.documents) * (on.documents / turnMs));
  }
  const ownCores = ownMs / (costRounds * turnMs);
  print(task, 'cores for following', ownCores.toFixed(4));
  const { mean, low, high } = paired(cores);
  print(task, 'cores more than without', `${mean.toFixed(4)} (${low.toFixed(4)} to ${high.toFixed(4)})`);
  for (const runner of runners) await runner.close();
  return { ownCores, lowCores: low };
}

/** Sums the time on this thread that following takes: outcomes handed to it, and its timer. */
function timed(): { ms(): number } {
  let spentMs = 0;
  const spending = <Args extends unknown[]>(run: (...args: Args) => void) =>
    function (this: unknown, ...args: Args): void {
      const startMs = performance.now();
      run.apply(this, args);
      spentMs += performance.now() - startMs;
    };
  AdaptiveNumber.prototype.ended = spending(AdaptiveNumber.prototype.ended);
  const { setInterval } = timers;
  timers.setInterval = ((callback: () => void, ms: number) =>
    setInterval(spending(callback), ms)) as typeof setInterval;
  syncBuiltinESMExports();
  return { ms: () => spentMs };
}

function tasksWith(service: string): readonly Task[] {
  return [
    {
      name: 'wait',
      options: { task: task('bench/regret/tasks/wait'), strategy: 'async' },
      bytes: 1000,
      at: inFlight,
      start: 8,
      fixed: [8, 32, 128, 512],
    },
    {
      name: 'llm-extract, 16 at once',
      options: {
        task: task('workloads/built-in/llm-extract'),
        strategy: 'async',
        options: { service, model: 'any' },
      },
      bytes: 1000,
      at: inFlight,
      start: 4,
      fixed: [4, 8, 16, 20, 32],
    },
    onWorkers('bench/regret/tasks/wait-and-hash', { bytes: 1000, fixed: [1, 2, 3, 4, 8], right: 4 }),
    onWorkers('workloads/built-in/word-frequency', { bytes: 10_000, fixed: [1, 2] }),
  ];
}

/** A task on two worker threads, whose number is that of documents per worker. */
function onWorkers(path: string, numbers: Pick<Task, 'bytes' | 'fixed' | 'right'>): Task {
  const options = { task: task(path), strategy: 'self-scheduling' };
  return { name: basename(path), options, at: perWorker, start: 1, ...numbers };
}

/**
 * Measures an adaptive runner and one with the right number in turn: before, in and after a trouble. Rates
 * before and after would not do, because the machine may have become faster or slower.
 * @param begin returns what ends the trouble
 */
async function through(task: Task, trouble: string, begin: () => () => void): Promise<Figures> {
  const right = task.right as number;
  const runners = [await open(task, task.start, true), await open(task, right, false)] as const;
  await rateOf(runners[0], task, findMs);
  const shareNow = async (when: string): Promise<number> => {
    const rates: readonly [number[], number[]] = [[], []];
    for (let round = 0; round < troubleRounds; round++)
      for (const [i, runner] of inAnyOrder(runners.entries()))
        rates[i]?.push(await rateOf(runner, task, turnMs));
    const [own, other] = rates;
    print(
      task,
      `${when}, number ${runners[0].stats().adaptive?.number}`,
      `fixed ${right}: ${interval(ratio(own, other))}`,
    );
    return Math.exp(ratio(own, other).mean);
  };
  await shareNow('before');
  const end = begin();
  await rateOf(runners[0], task, settleMs);
  const during = await shareNow(`with ${trouble}`);
  end();
  await rateOf(runners[0], task, settleMs);
  const back = await shareNow('after it');
  for (const runner of runners) await runner.close();
  return { during, back };
}

function open({ options, at }: Task, number: number, adaptive: boolean): Promise<Runner> {
  return createRunner({ ...options, ...at(number), adaptive });
}

/** Returns documents per second. */
async function rateOf(runner: Runner, task: Task, ms: number): Promise<number> {
  const startMs = performance.now();
  const documents = await runFor(runner, task, ms);
  return (1000 * documents) / (performance.now() - startMs);
}

async function cpuOf(runner: Runner, task: Task) {
  const before = process.cpuUsage();
  const documents = await runFor(runner, task, turnMs);
  const { user, system } = process.cpuUsage(before);
  return { documents, cpuMs: (user + system) / 1000 };
}

/** What follows a runner that keeps the cores busy finds them faster. */
function inAnyOrder<T>(values: Iterable<T>): T[] {
  return [...values]
    .map((value) => ({ value, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value);
}

let documentsSoFar = 0;

async function runFor(runner: Runner, { bytes }: Task, ms: number): Promise<number> {
  const endMs = performance.now() + ms;
  function* documents() {
    while (performance.now() < endMs) {
      const id = `d${documentsSoFar++}`;
      yield { id, bytes: new TextEncoder().encode(`${id} lorem ipsum `.repeat(bytes / 16)) };
    }
  }
  let done = 0;
  for await (const outcome of runner.process(documents())) {
    if (outcome.status !== 'ok') throw new Error(JSON.stringify(outcome));
    done++;
  }
  return done;
}

/** Compares rates of the same rounds, as the logarithm of their ratio. */
function ratio(a: readonly number[], b: readonly number[]) {
  return paired(a.map((rate, i) => Math.log(rate / (b[i] as number))));
}

function interval({ mean, low, high }: Paired): string {
  const [of, from, to] = [mean, low, high].map((log) => Math.exp(log).toFixed(3));
  return `adaptive is ${of} of it (${from} to ${to})`;
}

function print({ name }: Task, what: string, text: string): void {
  console.log(`${name}: ${what}: ${text}`);
}

/** A quota of all cores would stop processes that use them fully. */
const ampleCores = availableParallelism() + 1;

/** A cgroup of this process whose CPU time is limited, in the hierarchy of version 1 or 2. */
class Quota {
  readonly #folder: string;
  readonly #parent: string;
  readonly #version: 1 | 2;

  private constructor(parent: string, version: 1 | 2) {
    this.#parent = parent;
    this.#version = version;
    this.#folder = join(parent, `forkwise-test-${process.pid}`);
    mkdirSync(this.#folder);
    this.set(ampleCores);
    writeFileSync(join(this.#folder, 'cgroup.procs'), String(process.pid));
  }

  static made(): Quota | null {
    for (const [parent, version] of [
      ['/sys/fs/cgroup', 2],
      ['/sys/fs/cgroup/cpu', 1],
    ] as const) {
      const file = join(parent, version === 2 ? 'cgroup.controllers' : 'cpu.cfs_period_us');
      if (!existsSync(file) || (version === 2 && !/\bcpu\b/.test(readFileSync(file, 'latin1')))) continue;
      try {
        return new Quota(parent, version);
      } catch {
        // This process may not.
      }
    }
    return null;
  }

  set(cores: number): void {
    const periodUs = 100_000;
    if (this.#version === 2) writeFileSync(join(this.#folder, 'cpu.max'), `${cores * periodUs} ${periodUs}`);
    else writeFileSync(join(this.#folder, 'cpu.cfs_quota_us'), String(cores * periodUs));
  }

  end(): void {
    writeFileSync(join(this.#parent, 'cgroup.procs'), String(process.pid));
    rmdirSync(this.#folder);
  }
}

if (process.argv[2] === 'neighbour') for (;;);
else {
  const helpers = new HelperProcesses();
  const host = new Helper(helpers, new URL('../../../bench/trials/service-host.js', import.meta.url));
  const url = new URL('../../../workloads/services/ollama.js', import.meta.url).href;
  const service = await host.ask<string>({ url, options: { seed: 1, parallel: 16 } });
  const figures = await measured(process.argv[2] as string, tasksWith(service));
  helpers.end();
  process.send?.(figures, () => process.disconnect());
}
