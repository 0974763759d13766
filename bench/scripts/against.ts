import { execFile } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { colorsFor, note, print } from '../cli/terminal.js';
import { exitCode, UsageError } from '../errors.js';
import { renderTable } from '../report/console.js';
import { decode, encodeHeader, encodeRows } from '../tables/csv.js';
import { type Row, table } from '../tables/table.js';
import { roundOrder } from '../trials/plan.js';
import { parseCount, parseDuration, parseList, parseSize } from '../words/parse.js';
import { number, size } from '../words/units.js';
import { judge } from './against/judge.js';
import type { Measured, Turn } from './against/turn.js';
import { runScript } from './script.js';

const help = `Measures two built checkouts against each other: this one ("new") and another one ("old").
Each turn is a process of its own, and the turns of a pair follow each other in random order.

  npm run bench:against -- ../forkwise-before
  npm run bench:against -- ../forkwise-before --pairs 64 --out against.csv

  --strategies <names>  strategies to measure                     self-scheduling,queue,thread-pool
  --workloads <names>   workloads; kernel is a task without work  kernel,word-frequency
  --sizes <list>        document sizes                            10KB
  --workers <list>      numbers of workers                        2
  --pairs <count>       pairs of turns for each configuration     32
  --time <duration>     time that a turn measures                 1s
  --within <percent>    how much slower still is "unchanged"      5
  --out <file>          writes a row per turn as CSV; an existing file is continued
  --seed <number>       seed of the order                         1

"unchanged within 5 %" means that the 95 % interval of the ratio new ÷ old is above 0.95.
Exit codes: 0 all unchanged, 5 at least one is slower, 6 at least one is not settled.
`;

const turnTable = table([
  { name: 'pair', type: 'number', about: 'number of the pair' },
  { name: 'workload', type: 'text', about: 'workload' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  { name: 'workers', type: 'number', about: 'workers' },
  { name: 'document_bytes', type: 'number', about: 'document size, bytes' },
  { name: 'side', type: 'text', about: '`old` or `new`' },
  { name: 'checkout', type: 'text', about: 'folder of the checkout' },
  { name: 'documents', type: 'number', about: 'documents of the timed passes' },
  { name: 'wall_ms', type: 'number', about: 'time of the timed passes, milliseconds' },
] as const);
type TurnRow = Row<typeof turnTable>;

type Configuration = Pick<TurnRow, 'workload' | 'strategy' | 'workers' | 'document_bytes'>;
interface Checkout {
  readonly side: 'old' | 'new';
  readonly folder: string;
}

/** A turn takes a few seconds. One that takes this long hangs. */
const maxTurnMs = 180_000;

await runScript(main);

async function main(): Promise<number> {
  const options = readOptions();
  if (options === null) {
    print(help);
    return exitCode.ok;
  }
  const { configurations, checkouts, pairs, within, seed, timeMs, out } = options;
  const rows = out === null ? [] : continued(out, checkouts);
  for (let pair = 1; pair <= pairs; pair++)
    for (const configuration of roundOrder(configurations, { seed, round: pair }))
      for (const checkout of roundOrder(checkouts, {
        seed: seed + configurations.indexOf(configuration),
        round: pair,
      })) {
        if (rows.some((row) => isTurn(row, { pair, configuration, checkout }))) continue;
        const row = await measure(configuration, { pair, checkout, timeMs });
        rows.push(row);
        if (out !== null) appendFileSync(out, encodeRows(turnTable, [row]));
        note(
          `pair ${pair} of ${pairs}: ${cellName(configuration)}, ${row.side}: ` +
            `${number(rate(row))} documents/s`,
        );
      }
  return report(configurations, { rows, within });
}

function readOptions() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      help: { type: 'boolean', short: 'h', default: false },
      strategies: { type: 'string', default: 'self-scheduling,queue,thread-pool' },
      workloads: { type: 'string', default: 'kernel,word-frequency' },
      sizes: { type: 'string', default: '10KB' },
      workers: { type: 'string', default: '2' },
      pairs: { type: 'string', default: '32' },
      time: { type: 'string', default: '1s' },
      within: { type: 'string', default: '5' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
    },
  });
  if (values.help) return null;
  const [other, ...more] = positionals;
  if (other === undefined || more.length > 0)
    throw new UsageError(
      `expected the folder of one other built checkout, got ${positionals.length} folders`,
    );
  const checkouts: Checkout[] = [
    { side: 'old', folder: resolve(other) },
    { side: 'new', folder: fileURLToPath(new URL('../../../', import.meta.url)).replace(/[\\/]$/, '') },
  ];
  for (const { folder } of checkouts)
    if (!existsSync(resolve(folder, 'dist/strategies/index.js')))
      throw new UsageError(`expected ${folder} to be a built checkout: run "npm ci && npm run build" there`);
  const same = (item: string) => item;
  const sizeOf = (item: string) => parseSize(item, 'each of --sizes');
  const configurations = parseList(values.workloads, '--workloads', same).flatMap((workload) =>
    parseList(values.sizes, '--sizes', sizeOf).flatMap((document_bytes) =>
      parseList(values.workers, '--workers', (item) => parseCount(item, '--workers')).flatMap((workers) =>
        parseList(values.strategies, '--strategies', same).map(
          (strategy): Configuration => ({ workload, strategy, workers, document_bytes }),
        ),
      ),
    ),
  );
  const pairs = parseCount(values.pairs, '--pairs');
  if (pairs < 2) throw new UsageError('expected --pairs to be at least 2, because one pair has no interval');
  return {
    configurations,
    checkouts,
    pairs,
    within: parseCount(values.within, '--within'),
    seed: parseCount(values.seed, '--seed'),
    timeMs: parseDuration(values.time, '--time'),
    out: values.out ?? null,
  };
}

/**
 * Reads the turns that a file already has, or begins the file. @throws UsageError for other checkouts'
 * turns.
 */
function continued(out: string, checkouts: readonly Checkout[]): TurnRow[] {
  if (!existsSync(out)) {
    writeFileSync(out, encodeHeader(turnTable));
    return [];
  }
  const rows = decode(turnTable, readFileSync(out, 'utf8'));
  const known = checkouts.map(({ folder }) => folder);
  const other = rows.find(({ checkout }) => !known.includes(checkout));
  if (other !== undefined)
    throw new UsageError(
      `expected turns of ${known.join(' and ')} in ${out}, got turns of ${other.checkout}`,
    );
  return rows;
}

async function measure(
  configuration: Configuration,
  { pair, checkout, timeMs }: { pair: number; checkout: Checkout; timeMs: number },
): Promise<TurnRow> {
  const { workload, strategy, workers, document_bytes: documentBytes } = configuration;
  const turn: Turn = { checkout: checkout.folder, strategy, workload, workers, documentBytes, timeMs };
  const program = fileURLToPath(new URL('./against/turn.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, JSON.stringify(turn)], {
    timeout: maxTurnMs,
  });
  const { documents, wallMs } = JSON.parse(stdout) as Measured;
  const place = { pair, side: checkout.side, checkout: checkout.folder };
  return { ...place, ...configuration, documents, wall_ms: wallMs };
}

/** Prints the table and returns the exit code. */
function report(
  configurations: readonly Configuration[],
  { rows, within }: { rows: readonly TurnRow[]; within: number },
): number {
  const judged = configurations.map((configuration) => {
    const ratios = ratiosOf(rows.filter((row) => sameConfiguration(row, configuration)));
    return { configuration, pairs: ratios.length, ...judge(ratios, within) };
  });
  const lines = judged.map(({ configuration, pairs, ratio, low, high, verdict }) => [
    cellName(configuration),
    ratio.toFixed(3),
    `${low.toFixed(3)}–${high.toFixed(3)}`,
    String(pairs),
    verdict,
  ]);
  const header = ['configuration', 'new ÷ old', '95 % interval', 'pairs', 'verdict'];
  print(`\n${renderTable({ header, numbersFrom: 1, groups: [lines] }, colorsFor(process.stdout))}\n`);
  if (judged.some(({ state }) => state === 'slower')) return exitCode.regression;
  return judged.some(({ state }) => state === 'unsettled') ? exitCode.inconclusive : exitCode.ok;
}

/** One ratio new ÷ old for each pair that has both turns. */
function ratiosOf(rows: readonly TurnRow[]): number[] {
  return rows
    .filter(({ side }) => side === 'new')
    .flatMap((row) => {
      const old = rows.find(({ side, pair }) => side === 'old' && pair === row.pair);
      return old === undefined ? [] : [rate(row) / rate(old)];
    });
}

function isTurn(
  row: TurnRow,
  turn: { pair: number; configuration: Configuration; checkout: Checkout },
): boolean {
  const { pair, configuration, checkout } = turn;
  return row.pair === pair && row.side === checkout.side && sameConfiguration(row, configuration);
}

function sameConfiguration(a: Configuration, b: Configuration): boolean {
  return (
    a.workload === b.workload &&
    a.strategy === b.strategy &&
    a.workers === b.workers &&
    a.document_bytes === b.document_bytes
  );
}

function cellName({ workload, strategy, workers, document_bytes }: Configuration): string {
  return `${workload} ${size(document_bytes)} ${strategy} × ${workers}`;
}

/** Documents per second. */
function rate({ documents, wall_ms }: TurnRow): number {
  return (documents * 1e3) / wall_ms;
}
