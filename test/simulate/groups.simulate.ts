import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { files, processTree, treeMemory } from '../../bench/measure/proc.js';
import { geometricInterval } from '../../bench/stats/estimate.js';
import { cliPath } from '../support.js';

/**
 * `npm run test:groups`: a job of four groups beside the same documents in one set, and beside four jobs
 * that do not know of each other; and three groups of 1 GB under 3 GB. Workers and memory are sampled from
 * outside.
 */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-groups-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const cores = 2;
/** A part of the documents only checks that everything works: a short job is mostly start-up. */
const perGroup = Math.round(500 * Number(process.env.FORKWISE_SHARE ?? 1));
const names = ['a', 'b', 'c', 'd'];
/** The same documents, unevenly in two groups: the workers of the small one must go to the large one. */
const uneven = { few: ['a'], many: ['b', 'c', 'd'] };
const rounds = Number(process.env.FORKWISE_ROUNDS ?? 3);
const sampleMs = 10;

interface Run {
  readonly elapsedMs: number;
  readonly maxWorkers: number;
  readonly maxBytes: number;
  readonly stdout: string;
}

/** Child processes of a job that run its task. */
function workersOf(pid: number): number[] {
  return processTree(files, pid).filter(
    (member) => member !== pid && /worker/.test(files.read(`/proc/${member}/cmdline`) ?? ''),
  );
}

async function job(args: readonly string[], measuresMemory = false): Promise<Run> {
  const child = spawn(process.execPath, [cliPath, 'run', '--json', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  let maxWorkers = 0;
  let maxBytes = 0;
  const pid = child.pid as number;
  const timer = setInterval(() => {
    maxWorkers = Math.max(maxWorkers, workersOf(pid).length);
    if (measuresMemory) maxBytes = Math.max(maxBytes, treeMemory(files, processTree(files, pid)) ?? 0);
  }, sampleMs);
  const startedMs = performance.now();
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  assert.equal(code, 0, stderr);
  return { elapsedMs: performance.now() - startedMs, maxWorkers, maxBytes, stdout };
}

function jobFile(name: string, content: object): string {
  const path = join(folder, `${name}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] as number;

it('groups keep the budget, and lose at most a twentieth of the rate of one set', async () => {
  writeFileSync(
    join(folder, 'burn.mjs'),
    `export const kind = 'cpu';
     export default () => { let x = 0; for (let i = 0; i < 4e6; i++) x += Math.sqrt(i); return x; };`,
  );
  writeFileSync(
    join(folder, 'sum.mjs'),
    `export default async (outcomes) => {
       let sum = 0;
       for await (const { value } of outcomes) sum += value;
       return sum;
     };`,
  );
  for (const name of names) {
    mkdirSync(join(folder, 'in', name), { recursive: true });
    for (let i = 0; i < perGroup; i++) writeFileSync(join(folder, 'in', name, `${i}.txt`), String(i));
  }
  const rest = { task: './burn.mjs', strategy: 'process-pool', workers: cores };
  const groups = Object.fromEntries(names.map((name) => [name, { docs: `./in/${name}` }]));
  const unevenGroups = Object.fromEntries(
    Object.entries(uneven).map(([name, of]) => [
      name,
      { docs: of.length === 1 ? `./in/${of[0]}` : `./in/{${of.join(',')}}/*.txt` },
    ]),
  );
  const runs = { flat: [] as Run[], groups: [] as Run[], uneven: [] as Run[], naive: [] as Run[][] };
  for (let round = 0; round < rounds; round++) {
    const flat = jobFile('flat', { ...rest, docs: './in', out: `./flat-${round}.ndjson` });
    runs.flat.push(await job(['--job', flat]));
    const grouped = { ...rest, out: `./groups-${round}`, resources: { cores }, groups, reduce: './sum.mjs' };
    runs.groups.push(await job(['--job', jobFile('groups', grouped)]));
    const two = { ...grouped, out: `./uneven-${round}`, groups: unevenGroups };
    runs.uneven.push(await job(['--job', jobFile('uneven', two)]));
    runs.naive.push(
      await Promise.all(
        names.map((name) =>
          job([
            '--job',
            jobFile(`n-${name}`, { ...rest, docs: `./in/${name}`, out: `./n-${name}-${round}.ndjson` }),
          ]),
        ),
      ),
    );
  }
  const ms = {
    flat: median(runs.flat.map(({ elapsedMs }) => elapsedMs)),
    groups: median(runs.groups.map(({ elapsedMs }) => elapsedMs)),
    naive: median(runs.naive.map((jobs) => Math.max(...jobs.map(({ elapsedMs }) => elapsedMs)))),
  };
  // Each pair is of two fresh programs, so that the interval contains what programs differ by.
  const ratiosOf = (of: readonly Run[]) =>
    of.map(({ elapsedMs }, i) => (runs.flat[i] as Run).elapsedMs / elapsedMs);
  const percent = (ratio: number) => (100 * ratio).toFixed(1);
  const percents = (of: readonly Run[]) => {
    const { low, high } = geometricInterval(ratiosOf(of));
    const ends = low === null || high === null ? '' : ` (${percent(low)}–${percent(high)})`;
    return `${percent(median(ratiosOf(of)))} %${ends}`;
  };
  const most = Math.max(...[...runs.groups, ...runs.uneven].map(({ maxWorkers }) => maxWorkers));
  const naive = Math.max(
    ...runs.naive.map((jobs) => jobs.reduce((sum, { maxWorkers }) => sum + maxWorkers, 0)),
  );
  const rate = (time: number) => `${Math.round((names.length * perGroup) / (time / 1e3))}/s`;
  console.log(
    [
      `one set ${rate(ms.flat)}`,
      `groups ${rate(ms.groups)}, ${percents(runs.groups)} of it (median of pairs; 95 % interval over pairs)`,
      `two uneven groups ${percents(runs.uneven)}`,
      `at most ${most} workers of ${cores}`,
      `each group with a pool of its own ${rate(ms.naive)}, ${naive} workers`,
    ].join(' · '),
  );
  assert.ok(most <= cores, `expected at most ${cores} workers, got ${most}`);
  for (const of of [runs.groups, runs.uneven])
    assert.ok(median(ratiosOf(of)) >= 0.95, `expected 95 % of the rate of one set, got ${percents(of)}`);
});

it('three groups of 1 GB under 3 GB run two at a time, and all finish', async () => {
  writeFileSync(
    join(folder, 'large.mjs'),
    `export const kind = 'cpu';
     export default () => {
       const bytes = Buffer.alloc(650e6, 1);
       const end = Date.now() + 300;
       while (Date.now() < end);
       return bytes.length;
     };`,
  );
  mkdirSync(join(folder, 'few'));
  for (let i = 0; i < 4; i++) writeFileSync(join(folder, 'few', `${i}.txt`), String(i));
  const group = { docs: './few', resources: { cores: 1, memory: '1GB' } };
  const memory = 3e9;
  const { maxBytes, maxWorkers, stdout } = await job(
    [
      '--job',
      jobFile('memory', {
        task: './large.mjs',
        strategy: 'process-pool',
        out: './memory',
        resources: { cores: 4, memory: '3GB' },
        groups: { a: group, b: group, c: group },
      }),
    ],
    true,
  );
  const { groups } = JSON.parse(stdout) as { groups: { ok: number }[] };
  console.log(
    `three groups of 1 GB: ${(maxBytes / 1e9).toFixed(2)} GB at most, ${maxWorkers} workers at most`,
  );
  assert.deepEqual(
    groups.map(({ ok }) => ok),
    [4, 4, 4],
  );
  assert.ok(maxBytes <= memory);
  assert.equal(maxWorkers, 2);
});
