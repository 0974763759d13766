import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { folderOf, run, start } from '../job/job.js';
import { assertComplete, readShardFolder } from '../job/shard-folder.js';
import { alive, descendants, until } from '../processes.js';

/**
 * `npm run test:shards` kills jobs that write shards at 50 random moments, in several strategies, with and
 * without compression and in both orders.
 */
const kills = 50;
/** Kills of one job, before the next one has its turn. */
const killsPerJob = 9;
const documents = 1500;
const perShard = 40;
/** Documents of this number end in each hundred with an error. */
const failed = 3;
/** The task notes each run of a document, so that work that is repeated can be counted. */
const task = (log: string) => `
import { appendFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export default async ({ id }) => {
  await setTimeout(2);
  appendFileSync(${JSON.stringify(log)}, id + '\\n');
  if (Number(id.slice(-2)) < ${failed}) throw new RangeError('cannot ' + id);
  return 'x'.repeat(100);
};`;

/**
 * More documents may have run than are listed: those of one shard, and those whose outcomes were on their way
 * to the process that writes when it was killed.
 */
const jobs = [
  { strategy: 'sequential', onTheirWay: 1, options: [] },
  { strategy: 'thread-pool', onTheirWay: 40, options: ['--shard-compression', 'gzip'] },
  { strategy: 'pipeline', onTheirWay: 80, options: [] },
  { strategy: 'queue', onTheirWay: 80, options: ['--order', 'input'] },
  { strategy: 'process-pool', onTheirWay: 40, options: [] },
  {
    strategy: 'self-scheduling',
    onTheirWay: 80,
    options: ['--shard-compression', 'gzip', '--order', 'input'],
  },
];

const linesIn = (path: string) =>
  existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];

it(`${kills} kills at random moments`, { skip: process.platform !== 'linux' }, async (t) => {
  const random = xoroshiro128plus(1);
  const names = Array.from({ length: documents }, (_, i) => String(i).padStart(5, '0'));
  const folder = folderOf(Object.fromEntries(names.map((name) => [name, name])));
  const ids = names.map((name) => `docs/${name}`);
  let killed = 0;
  for (let round = 0; killed < kills; round++) {
    const { strategy, onTheirWay, options } = jobs[round % jobs.length] as (typeof jobs)[0];
    const place = join(folder, `round-${round}`);
    mkdirSync(place);
    const log = join(place, 'log');
    const out = join(place, 'out');
    writeFileSync(join(place, 'task.mjs'), task(log));
    const size = String(perShard * 180);
    const words = `run --task ${place}/task.mjs --docs docs --shards ${out} --shard-size ${size}B`;
    const args = [...words.split(' '), '--strategy', strategy, '--workers', '2', ...options];
    let seen = 0;
    let repeated = 0;
    let hasEnded = false;
    for (let own = 0; !hasEnded && own < killsPerJob && killed < kills; own++) {
      const job = start(folder, args);
      await Promise.race([job.ended, wait(uniformInt(random, 100, 1500))]);
      hasEnded = job.child.exitCode !== null;
      if (hasEnded) break;
      const tree = descendants(job.child.pid as number);
      job.child.kill('SIGKILL');
      await job.ended;
      killed++;
      await until(() => tree.every((pid) => !alive(pid)));
      // A worker that outlived the job for a moment has noted documents that nothing waited for.
      const found = existsSync(out) ? readShardFolder(out) : { lines: [], failed: [], sizes: [] };
      const has = new Set([...found.lines, ...found.failed].map(({ id }) => id));
      const ran = new Set(linesIn(log).slice(seen));
      seen = linesIn(log).length;
      const lost = [...ran].filter((id) => !has.has(id)).length;
      const largest = Math.max(perShard, ...found.sizes);
      assert.ok(lost <= largest + onTheirWay, `${strategy}: ${lost} documents ran and have no line`);
      repeated = Math.max(repeated, lost);
    }
    if (!hasEnded) {
      const last = await run(folder, args);
      assert.equal(last.code, 4, last.stderr);
    }
    const complete = assertComplete(out, ids);
    assert.equal(complete.failed.length, (documents / 100) * failed);
    if (options.includes('input')) {
      const order = complete.lines.map(({ id }) => id);
      assert.deepEqual(order, [...order].sort());
    }
    t.diagnostic(
      `${strategy} ${options.join(' ')}: ${killed} kills so far, ${complete.sizes.length} shards, ` +
        `at most ${repeated} documents ran again after a kill`,
    );
  }
});
