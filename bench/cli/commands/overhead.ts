import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { workloads } from '../../../workloads/index.js';
import { exitCode, UsageError, unknownName } from '../../errors.js';
import { readEnvironment } from '../../measure/environment.js';
import type { OverheadPlan } from '../../overhead/plan.js';
import { runOverhead } from '../../overhead/run.js';
import { type Line, lines, seriesOf } from '../../overhead/series.js';
import { Store } from '../../tables/store.js';
import { schema } from '../../tables/trial-columns.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { loadStrategies } from '../../trials/prepare.js';
import { namedStrategies } from '../../trials/request.js';
import { continuable } from '../../trials/resume.js';
import { parseCount, parseDuration, parseList, parseSize } from '../../words/parse.js';
import { listed } from '../../words/units.js';
import { commandLine, newRunFolder, quoted } from '../folder.js';
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
  warmup: string;
  time: string;
  out?: string;
  resume?: string;
}

const wordFrequency = workloads.find(({ name }) => name === 'word-frequency') as (typeof workloads)[0];
/** The measured processes import `createRunner` from here. */
const runner = new URL('../../../index.js', import.meta.url).href;
/** `environment.json` calls such a run by this name. */
const profile = 'overhead';
const peerLibraries = ['tinypool', 'poolifier', 'jest-worker'];

/**
 * `forkwise overhead`, `npm run bench:overhead`: measures what strategies and peers cost beside the task,
 * and the shortest tasks they can afford. With `--resume` it continues a run.
 * @param asked the options that the command line gives, without the defaults
 * @returns the exit code
 */
export async function overhead(defaulted: OverheadFlags, asked: Partial<OverheadFlags>): Promise<number> {
  const { resume } = asked;
  const earlier = resume === undefined ? null : interrupted(resume, asked);
  const flags: OverheadFlags = { ...defaulted, ...earlier?.environment().flags };
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
  const warmupMs = parseDuration(flags.warmup, '--warmup');
  const timeMs = parseDuration(flags.time, '--time');
  const store = earlier ?? Store.create(flags.out ?? newRunFolder());
  const helpers = new HelperProcesses();
  const signals = handleSignals({
    atOnce() {
      helpers.end();
      note(
        'interrupted; what was measured until then is kept. Continue with:\n' +
          `  forkwise overhead --resume ${quoted(store.folder)}`,
      );
    },
  });
  try {
    if (earlier === null) await begin(store, { flags, rounds, seed });
    const { effective: cores } = store.environment().cores;
    const options = {
      store,
      helpers,
      runner,
      wordFrequency,
      rounds,
      seed,
      warmupMs,
      timeMs,
      cores,
      say: note,
    };
    const trials = await runOverhead(plan, options);
    print(await publishOverhead(store));
    return trials.some(({ phase, status }) => phase === 'measure' && status === 'ok')
      ? exitCode.ok
      : exitCode.failed;
  } finally {
    signals.end();
    helpers.end();
  }
}

/** @throws UsageError if the folder holds no run that can be continued with these options */
function interrupted(folder: string, asked: Partial<OverheadFlags>): Store {
  const store = continuable(folder, planning(asked));
  const { profile: measured, flags } = store.environment();
  if (measured === profile && flags.lines !== undefined) return store;
  throw new UsageError(
    `--resume "${folder}": expected a run of forkwise overhead with a record of its options; ` +
      'name another folder, or start a new run',
  );
}

async function begin(
  store: Store,
  { flags, rounds, seed }: { readonly flags: OverheadFlags; readonly rounds: number; readonly seed: number },
): Promise<void> {
  const environment = await readEnvironment(
    {
      schema,
      run_id: store.runId,
      command: commandLine(),
      seed,
      profile,
      claims: 'suggests',
      flags: planning(flags),
      plan: { trials_per_round: 0, rounds_least: rounds, rounds_most: rounds },
      corpora: [],
    },
    peerLibraries,
  );
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
}

/** The options that say what is measured. */
function planning({ out: _, resume: _resume, ...rest }: Partial<OverheadFlags>) {
  return rest;
}

function line(text: string): Line {
  const found = lines.find((name) => name === text);
  if (found === undefined) throw unknownName('kind of lines', text, lines);
  return found;
}

/** Reads `0B` or a size of at least 8 bytes. @throws UsageError */
function documentBytes(text: string): number {
  if (/^0b?$/i.test(text)) return 0;
  const bytes = parseSize(text, 'each of --sizes');
  if (bytes < 8) throw new UsageError(`--sizes: expected 0B, or 8 bytes or more, got "${text}"`);
  return bytes;
}
