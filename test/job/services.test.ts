import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { cli } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-services-'));
after(() => rmSync(folder, { recursive: true, force: true }));

writeFileSync(
  join(folder, 'asks.mjs'),
  `const tried = new Map();
  export default async ({ id }, { limit, key }) => {
    await limit.acquire();
    const count = (tried.get(key) ?? 0) + 1;
    tried.set(key, count);
    if (id === 'docs/gone.txt') throw Object.assign(new Error('not found'), { status: 404 });
    if (id === 'docs/y-busy.txt' && count < 3) throw Object.assign(new Error('busy'), { status: 503 });
    return count;
  }`,
);
mkdirSync(join(folder, 'docs'));
for (const name of ['y-busy', 'fine', 'good', 'gone', ...Array.from({ length: 16 }, (_, i) => `x${i}`)])
  writeFileSync(join(folder, 'docs', `${name}.txt`), name);

const job = [
  'run',
  '--task',
  'asks.mjs',
  '--docs',
  'docs',
  '--out',
  'out.ndjson',
  '--strategy',
  'sequential',
];
const services = ['--limit', '50/200ms', '--tries', '3', '--retry-on', '503', '--fallback', '{"count":null}'];

it('tries again, gives a fallback, and counts it apart, also when the job is asked again', async () => {
  const first = await cli([...job, ...services], folder);
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stdout, /20 documents: 20 ok \(1 by --fallback\)/);
  const lines = readFileSync(join(folder, 'out.ndjson'), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  const lineOf = (id: string) => lines.find((line) => line.id === id);
  assert.equal(lineOf('docs/y-busy.txt').value, 3);
  const { status, fallback, error, value } = lineOf('docs/gone.txt');
  assert.deepEqual([status, fallback, error.message, value], ['ok', true, 'not found', { count: null }]);
  const again = await cli([...job, ...services, '--json'], folder);
  assert.deepEqual([again.code, JSON.parse(again.stdout).fallbacks], [0, 1]);
});

it('says what a flag should look like', async () => {
  for (const [flags, message] of [
    [['--limit', '100'], /expected a limit like 100\/s, .*, got "100"/],
    [['--retry-on', '503'], /expected --tries with --retry-on/],
    [['--fallback', 'none'], /expected --fallback to be JSON, like null/],
  ] as const) {
    const { code, stderr } = await cli([...job, ...flags], folder);
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
