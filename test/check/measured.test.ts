import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findingsOf } from '../../bench/check/findings/grows.js';
import { onlyLong } from '../support.js';
import { checkTask } from './check-command.js';

/** These findings are about time and memory. The effects are large; only their presence is asserted. */

/** Blocks the thread as computing does, and uses no core meanwhile. */
const block = `
  const clock = new Int32Array(new SharedArrayBuffer(4));
  const block = (ms) => Atomics.wait(clock, 0, 0, ms);`;

describe('check of a task that remembers', { concurrency: 2 }, () => {
  it('warns if later passes are look-ups', async () => {
    const { code, said, bad } = await checkTask(
      'remembers.mjs',
      `${block}
       const known = new Map();
       export default ({ id, size }) => {
         if (!known.has(id)) { block(50); known.set(id, size); }
         return known.get(id);
       };`,
    );
    assert.equal(code, 0, 'a warning is sound');
    assert.deepEqual(bad, ['remembers']);
    assert.match(said('remembers').join(), /^warning: a document takes .* ms the first time and .* again$/);
  });

  it('says nothing if only the first document is slow, or all are', async () => {
    const { bad, said } = await checkTask(
      'late.mjs',
      `${block}
       let loaded = false;
       export default ({ size }) => { block(loaded ? 10 : 700); loaded = true; return size; };`,
    );
    assert.deepEqual(bad, []);
    assert.match(said('slow-start').join(), /^note: a worker needs .* s until it is ready/);
  });
});

it('check runs a document that never ends once, and goes on with the others', async () => {
  const { code, said, bad, result } = await checkTask(
    'waits.mjs',
    `export default ({ id, size }) => (id.endsWith('/4.txt') ? new Promise(() => {}) : size);`,
    { args: ['--timeout', '1s'] },
  );
  assert.equal(code, 3);
  assert.deepEqual(bad, ['time-limit']);
  assert.match(said('time-limit').join(), /^error: still running after 1 s: "docs\/4\.txt"/);
  assert.deepEqual(
    result.places.map(({ documents_ok, documents_failed }) => [documents_ok, documents_failed]),
    [
      [15, 1],
      [15, 0],
      [15, 0],
    ],
  );
  assert.match(said('in-flight').join(), /^ok: /);
  assert.match(said('grows').join(), /^ok: /);
});

describe('check of memory', { concurrency: 2 }, () => {
  it('warns if buffers grow', onlyLong, async () => {
    const { said, bad } = await checkTask(
      'buffers.mjs',
      `const kept = [];
       export default ({ size }) => { kept.push(new Uint8Array(500_000).fill(1)); return size; };`,
    );
    assert.deepEqual(bad, ['grows']);
    assert.match(said('grows').join(), /^warning: memory grows by (49\d|50\d|51\d|52\d) KB per document/);
  });

  it('warns if buffers of a slow task grow, which has few runs', onlyLong, async () => {
    const { bad } = await checkTask(
      'slow-buffers.mjs',
      `const kept = [];
       export default async ({ size }) => {
         kept.push(new Uint8Array(500_000).fill(1));
         await new Promise((resolve) => setTimeout(resolve, 60));
         return size;
       };`,
    );
    assert.deepEqual(bad, ['grows']);
  });

  it('warns if the heap grows, as by listeners', async () => {
    const { said } = await checkTask(
      'listeners.mjs',
      `import { EventEmitter } from 'node:events';
       const events = new EventEmitter().setMaxListeners(0);
       export default ({ size }) => {
         const rows = Array.from({ length: 20_000 }, (_, i) => i + size / 7);
         events.on('end', () => rows.length);
         return size;
       };`,
    );
    assert.match(said('grows').join(), /^warning: memory grows by \d+ KB per document/);
  });

  it('says nothing of a cache that is full after some documents, nor of garbage', onlyLong, async () => {
    const { said, bad } = await checkTask(
      'bounded.mjs',
      `const cache = new Map();
       export default ({ id, size }) => {
         cache.set(id, new Uint8Array(400_000));
         return new Uint8Array(1_000).fill(size).length;
       };`,
    );
    assert.deepEqual(bad, []);
    assert.match(said('grows').join(), /^ok: memory does not grow over 300 calls$/);
  });

  it('warns if a document needs more than a worker’s share of the limit', onlyLong, async () => {
    const { bad, said } = await checkTask(
      'large.mjs',
      `export default ({ id, size }) =>
         new Uint8Array(id.endsWith('/16.txt') ? 80_000_000 : 1_000).fill(size % 7)[size % 1_000];`,
      { args: ['--max-memory', '50MB'] },
    );
    assert.deepEqual(bad, ['share']);
    assert.match(said('share').join(), /^warning: a single document takes .*, and the limit leaves .* for /);
  });

  const line = (bytes: (run: number) => number) =>
    findingsOf(Array.from({ length: 30 }, (_, i) => [10 * (i + 1), bytes(10 * (i + 1))] as const));
  const level = (bytes: (run: number) => number) => line(bytes).map(({ level }) => level);

  it('tells the growth once warm apart from the growth of all documents', () => {
    const warming = (run: number) => 1e6 + 50_000 * run + 40_000 * Math.min(run, 100);
    const [finding] = line(warming);
    const said = 'memory grows by 50 KB per document once warm; 18.1 MB in all over 290 calls';
    assert.equal(finding?.said, said);
  });

  it('takes neither a step, noise nor a small slope for growth', () => {
    assert.deepEqual(
      level((run) => 1e6 + 50_000 * run),
      ['warning'],
    );
    assert.deepEqual(
      level((run) => 1e6 + 20_000 * run),
      ['ok'],
      'less than 32 KB per document',
    );
    assert.deepEqual(
      level((run) => (run < 150 ? 1e6 : 20e6)),
      ['ok'],
      'something is loaded late',
    );
    assert.deepEqual(
      level((run) => (run <= 100 ? run * 1e6 : 100e6)),
      ['ok'],
      'a cache is filled',
    );
    const noise = (run: number) => 1e8 * Math.abs(Math.sin(run * 7.3));
    assert.deepEqual(
      level((run) => noise(run) + 33_000 * run),
      ['ok'],
      'within three standard errors',
    );
    assert.deepEqual(findingsOf([[10, 1e6]]), [], 'one point says nothing');
  });
});

describe('check of native threads', { concurrency: 2 }, () => {
  it('notes that the task computes on them, and what helps then', async () => {
    const { said, result, bad } = await checkTask(
      'derive.mjs',
      `import { scrypt } from 'node:crypto';
       import { promisify } from 'node:util';
       const derive = promisify(scrypt);
       export default async ({ bytes }) => (await derive(bytes, 'salt', 32, { N: 2048 })).toString('hex');`,
    );
    assert.deepEqual(bad, []);
    if (process.platform !== 'linux') return; // elsewhere only new versions of Node know a thread's CPU time
    assert.match(said('native-threads').join(), /^note: \d+ % of its CPU time is used by native threads/);
    assert.match(said('waiting').join(), /it computes on native threads: more in flight on one thread gains/);
    const { remedy } = result.findings.find(({ id }) => id === 'native-threads') ?? {};
    assert.match(remedy ?? '', /UV_THREADPOOL_SIZE/);
  });

  it('says nothing of them if the task waits or computes itself', onlyLong, async () => {
    const waits = `export default ({ size }) => new Promise((resolve) => setTimeout(resolve, 15, size));`;
    assert.deepEqual((await checkTask('waits.mjs', waits)).said('native-threads'), []);
    const computes = `export default ({ size }) => {
      for (const until = performance.now() + 2; performance.now() < until; );
      return JSON.stringify([size]);
    };`;
    assert.deepEqual((await checkTask('computes.mjs', computes)).said('native-threads'), []);
  });
});

describe('check of a task that opens a pool of its own', { concurrency: 2 }, () => {
  it('warns, and says what the product is', async () => {
    const { code, said, bad } = await checkTask(
      'pool.mjs',
      `import { Worker } from 'node:worker_threads';
       const code = "require('node:worker_threads').parentPort.on('message', () => {})";
       export const setup = () => [1, 2, 3].map(() => new Worker(code, { eval: true }));
       export const teardown = (pool) => Promise.all(pool.map((worker) => worker.terminate()));
       export default ({ size }) => size;`,
    );
    assert.equal(code, 0, 'a warning is sound');
    assert.deepEqual(bad, ['nested-pool']);
    assert.match(
      said('nested-pool').join(),
      /^warning: opens 3 threads of its own; .* makes (\d+) × 3 = \d+$/,
    );
  });

  it('says nothing of a tool that runs for a document', async () => {
    const { bad, result } = await checkTask(
      'tool.mjs',
      `import { execFile } from 'node:child_process';
       import { promisify } from 'node:util';
       export default async ({ size }) => {
         const { stdout } = await promisify(execFile)(process.execPath, ['-p', String(size)]);
         return stdout.trim();
       };`,
      { args: ['--documents', '2'] },
    );
    assert.deepEqual(bad, []);
    assert.equal(result.sound, true);
  });
});
