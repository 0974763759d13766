import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { folder, run, start } from '../cli/start.js';

/** Writes 200 documents, and a task whose service has its state in a file: the task stays the same. */
function outage(name: string) {
  const state = join(folder, `${name}-state`);
  writeFileSync(state, 'down');
  writeFileSync(
    join(folder, `${name}.mjs`),
    `import { readFileSync } from 'node:fs';
    export default () => {
      if (readFileSync(${JSON.stringify(state)}, 'utf8') === 'up') return 'fine';
      throw Object.assign(new Error('no service'), { retryable: true });
    }`,
  );
  mkdirSync(join(folder, name));
  for (let i = 0; i < 200; i++) writeFileSync(join(folder, name, `${i}.txt`), 'x');
  const words = ['run', '--task', `${name}.mjs`, '--docs', name, '--out', `${name}.ndjson`, '--tries', '2'];
  const lines = () =>
    readFileSync(join(folder, `${name}.ndjson`), 'utf8')
      .trim()
      .split('\n');
  return { words, lines, repair: () => writeFileSync(state, 'up') };
}

it('stops with whole lines when the service fails every document, and goes on when it works', async () => {
  const { words, lines, repair } = outage('many');
  const more = ['--strategy', 'sequential', '--circuit', '200ms,first=60ms'];
  // The job stops before it reaches this entry, and names it all the same.
  const nowhere = join(folder, 'many', 'zzz');
  symlinkSync(join(folder, 'nothing-here'), nowhere);
  const stopped = await run(...words, ...more);
  assert.equal(stopped.code, 4);
  assert.match(stopped.stderr, /documents wait, and one tries again in 60 ms/);
  assert.match(
    stopped.stderr,
    /stopped, because the service of the task fails every document \(Error: no service\).* --retry failed/,
  );
  assert.match(stopped.stderr, /left out: 1 link that leads nowhere/);
  assert.match(stopped.stdout, /^\d+ of 200 documents: /);
  const text = readFileSync(join(folder, 'many.ndjson'), 'utf8');
  assert.ok(text.endsWith('\n'), 'the last line is whole');
  assert.ok(lines().length >= 20, `the failures that stopped it have their lines, got ${lines().length}`);
  assert.ok(lines().length < 100, `most documents were left alone, got ${lines().length} lines`);
  repair();
  rmSync(nowhere);
  const resumed = await run(...words, ...more, '--retry', 'failed');
  assert.equal(resumed.code, 0, resumed.stderr);
  assert.equal(lines().length, 200);
});

it('waits for the service, and then no document of the outage has failed', async () => {
  const { words, lines, repair } = outage('waits');
  writeFileSync(join(folder, 'waits.json'), JSON.stringify({ circuit: '1m,first=300ms,failures=9' }));
  const more = ['--strategy', 'queue', '--workers', '2', '--job', 'waits.json', '--order', 'input'];
  const job = start([...words, ...more]);
  await job.said(/still fails .* tries again in 600 ms/);
  repair();
  const { code, stderr } = await job.ended;
  assert.equal(code, 0, stderr);
  assert.match(stderr, /the service works again/);
  const found = lines().map((line) => JSON.parse(line));
  assert.deepEqual(
    found.map(({ status }) => status),
    Array.from({ length: 200 }, () => 'ok'),
  );
});

it('ends at once on a signal while it waits, and its documents run in the next call', async () => {
  const { words, lines, repair } = outage('ends');
  const more = ['--strategy', 'async', '--workers', '4', '--circuit', '1h,first=30m,max=30m'];
  const job = start([...words, ...more]);
  await job.said(/documents wait/);
  job.child.kill('SIGTERM');
  const { code } = await job.ended;
  assert.equal(code, 130);
  assert.deepEqual(lines(), [''], 'no document has failed for good');
  repair();
  assert.equal((await run(...words, ...more)).code, 0);
  assert.equal(lines().length, 200);
});
