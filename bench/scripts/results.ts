import { execFile } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { colorsFor, note, print } from '../cli/terminal.js';
import { exitCode } from '../errors.js';
import { renderTable } from '../report/console.js';
import { encodeHeader, encodeRows } from '../tables/csv.js';
import { type Row, table } from '../tables/table.js';
import { roundOrder } from '../trials/plan.js';
import { parseCount, parseDuration, parseList, parseSize } from '../words/parse.js';
import { size } from '../words/units.js';
import { byHand } from './results/by-hand.js';
import type { Measured, Turn } from './results/turn.js';
import { runScript } from './script.js';
import { spread } from './spread.js';

const help = `Measures the rate of large results of each strategy against a loop by hand of its isolation:
worker threads that transfer each result (worker_threads, a transfer list), or processes that write it
into a file in memory (child_process), where the parent reads it. Each turn is a process of its own; a
round has every strategy once, in random order.

  npm run bench:results
  npm run bench:results -- --size 500KB --strategies self-scheduling,queue

  --strategies <names>  strategies              thread-pool,process-pool,partitioned,self-scheduling,queue
  --size <size>         size of each result     2MB
  --workers <count>     workers                 2
  --rounds <count>      rounds                  7
  --time <duration>     time that a turn takes  1s
  --seed <number>       seed of the order       1
  --out <file>          a row per turn, as CSV  results/large-results.csv
`;

const turnTable = table([
  { name: 'round', type: 'number', about: 'number of the round' },
  { name: 'strategy', type: 'text', about: 'strategy, or the loop by hand' },
  { name: 'isolation', type: 'text', about: 'thread or process' },
  { name: 'workers', type: 'number', about: 'workers' },
  { name: 'result_bytes', type: 'number', about: 'size of each result, bytes' },
  { name: 'results', type: 'number', about: 'results of the timed passes, each checked' },
  { name: 'wall_ms', type: 'number', about: 'time of the timed passes, milliseconds' },
] as const);
type TurnRow = Row<typeof turnTable>;

/** A turn takes a few seconds. One that takes this long hangs. */
const maxTurnMs = 180_000;

await runScript(main);

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    print(help);
    return exitCode.ok;
  }
  const { strategies, bytes, workers, rounds, timeMs, seed, out } = options;
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, encodeHeader(turnTable));
  const rows: TurnRow[] = [];
  for (let round = 1; round <= rounds; round++) {
    for (const strategy of roundOrder(strategies, { seed, round })) {
      const { isolation, results, wallMs } = await measure({ strategy, workers, bytes, timeMs });
      const row = { round, strategy, isolation, workers, result_bytes: bytes, results, wall_ms: wallMs };
      rows.push(row);
      appendFileSync(out, encodeRows(turnTable, [row]));
    }
    note(`round ${round} of ${rounds}`);
  }
  report(options, rows);
  return exitCode.ok;
}

type Options = NonNullable<ReturnType<typeof readOptions>>;

function readOptions() {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      strategies: { type: 'string', default: 'thread-pool,process-pool,partitioned,self-scheduling,queue' },
      size: { type: 'string', default: '2MB' },
      workers: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '7' },
      time: { type: 'string', default: '1s' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string', default: 'results/large-results.csv' },
    },
  });
  if (values.help) return null;
  return {
    strategies: [
      byHand.thread,
      byHand.process,
      ...parseList(values.strategies, '--strategies', (name) => name),
    ],
    bytes: parseSize(values.size, '--size'),
    workers: parseCount(values.workers, '--workers'),
    rounds: parseCount(values.rounds, '--rounds'),
    timeMs: parseDuration(values.time, '--time'),
    seed: parseCount(values.seed, '--seed'),
    out: values.out,
  };
}

async function measure(turn: Turn): Promise<Measured> {
  const program = fileURLToPath(new URL('./results/turn.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(turn)], {
    timeout: maxTurnMs,
  });
  return JSON.parse(stdout) as Measured;
}

function report({ strategies, bytes, workers, rounds, out }: Options, rows: readonly TurnRow[]): void {
  const ratesOf = (name: string) =>
    rows.filter(({ strategy }) => strategy === name).map(({ results, wall_ms }) => (1e3 * results) / wall_ms);
  const lines = strategies.map((strategy) => {
    const rates = ratesOf(strategy);
    const isProcess = rows.some((row) => row.strategy === strategy && row.isolation === 'process');
    const hand = ratesOf(isProcess ? byHand.process : byHand.thread);
    const shares = rates.map((rate, i) => rate / (hand[i] as number));
    return [strategy, spread(rates), spread(shares, (share) => `${Math.round(100 * share)} %`)];
  });
  const header = ['strategy', 'results/s', 'of the rate by hand, same isolation'];
  print(
    `\n${renderTable({ header, numbersFrom: 1, groups: [lines] }, colorsFor(process.stdout))}\n\n` +
      `results of ${size(bytes)}, ${workers} workers; medians of ${rounds} rounds (lowest–highest), ` +
      `shares paired by round. Every turn is in ${out}\n`,
  );
}
