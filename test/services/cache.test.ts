import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createRunner, type Outcome, openStrategy, type RunnerOptions } from '../../index.js';
import { openCache } from '../../runner/open-cache.js';
import { documentKey } from '../../services/cache/keys.js';
import { Price } from '../../services/cache/price.js';
import { Store, timeSize } from '../../services/cache/store.js';
import { fixture } from '../support.js';
import { killedWriters } from './killed-writers.js';

let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'forkwise-cache-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const newFolder = () => join(root, String(folders++));
const key = (text: string) => documentKey(Buffer.from(text));
const kept = (text: string, size = 100) => ({ bytes: Buffer.alloc(size, text), taskMs: 7 });
const result = (text: string, { bytes, taskMs } = kept(text), isOfId = false) => {
  return { key: key(text), bytes: Buffer.concat([Buffer.alloc(timeSize), bytes]), taskMs, isOfId };
};
const put = (store: Store, ...of: Parameters<typeof result>) => store.put([result(...of)]);
const latest = (store: Store, text: string) => {
  store.readNew();
  return store.get(key(text));
};

describe('store', () => {
  const open = (folder: string, maxBytes = 1e9) => new Store({ root: folder, task: 'task', maxBytes });

  it('finds what it, another worker, and an earlier session have kept', () => {
    const folder = newFolder();
    const [a, b] = [open(folder), open(folder)];
    put(a, 'x', kept('x'));
    put(b, 'y', kept('y', 5000), true);
    for (const store of [a, b, open(folder)]) {
      assert.deepEqual(latest(store, 'x'), kept('x'));
      assert.deepEqual(latest(store, 'y'), kept('y', 5000));
      assert.equal(latest(store, 'z'), null);
      assert.equal(store.hasIds, true);
    }
  });

  it('does not find what is torn, and finds all else', () => {
    const folder = newFolder();
    const store = open(folder);
    for (const name of ['a', 'b', 'c']) put(store, name, kept(name));
    const all = (ending: string) => join(folder, 'task', files(join(folder, 'task'), ending)[0] as string);
    const results = readFileSync(all('.results'));
    results[150] = 0xff; // in the second one
    writeFileSync(all('.results'), results.subarray(0, -1)); // the third one lacks a byte
    const index = readFileSync(all('.index'));
    writeFileSync(all('.index'), Buffer.concat([randomBytes(13), index, index.subarray(0, 20)]));
    const later = open(folder);
    assert.deepEqual(later.get(key('a')), kept('a'));
    assert.equal(later.get(key('b')), null);
    assert.equal(later.get(key('c')), null);
    put(later, 'b', kept('B'));
    assert.deepEqual(open(folder).get(key('b')), kept('B'));
  });

  it('finds what a worker has kept that did not know of the newest index', () => {
    const folder = newFolder();
    const maxBytes = 100_000; // an index file has 781 bytes
    const [a, b] = [open(folder, maxBytes), open(folder, maxBytes)];
    for (let i = 0; i < 40; i++) {
      put(a, `a${i}`, kept('a', 10));
      put(b, `b${i}`, kept('b', 10));
      assert.deepEqual(latest(a, `b${i}`), kept('b', 10));
      if (i % 7 === 0) assert.deepEqual(latest(b, `a${i}`), kept('a', 10));
    }
    assert.ok(files(join(folder, 'task'), '.index').length > 3);
  });

  it('keeps to its size, and removes what was not used for the longest time', () => {
    const folder = newFolder();
    const maxBytes = 200_000;
    const first = open(folder, maxBytes);
    put(first, 'used', kept('used', 1000));
    const second = open(folder, maxBytes);
    const [own] = files(join(folder, 'task'), '.results');
    put(second, 'unused', kept('unused', 10_000));
    const unused = files(join(folder, 'task'), '.results').find((name) => name !== own) as string;
    for (const name of files(join(folder, 'task'), '.results'))
      utimesSync(join(folder, 'task', name), 1e9, 1e9);
    assert.deepEqual(open(folder, maxBytes).get(key('used')), kept('used', 1000));
    const store = open(folder, maxBytes);
    let count = 0;
    while (files(join(folder, 'task'), '.results').includes(unused) && count < 200)
      put(store, `n${count++}`, kept('n', 1500));
    assert.ok(count > 90 && count < 130, `room for ${count} results`);
    assert.deepEqual(open(folder, maxBytes).get(key('used')), kept('used', 1000));
    put(store, 'large', kept('l', 50_000));
    assert.equal(latest(store, 'large'), null, 'one result does not take the room of all others');
    for (let i = count; i < 400; i++) put(store, `n${i}`, kept('n', 1500));
    assert.ok(sizeOf(folder) <= maxBytes * 1.05);
    assert.deepEqual(open(folder, maxBytes).get(key('n399')), kept('n', 1500));
  });

  it('loses no result that was kept when processes are killed, and gives none that is wrong', async () => {
    const folder = newFolder();
    const said = await killedWriters(folder, ['a', 'b']);
    const store = open(folder);
    const names = said.match(/[ab]\d+(?=\n)/g) ?? [];
    assert.ok(names.length > 1);
    for (const name of names)
      assert.equal(store.get(key(name))?.bytes.toString(), name.repeat(50), `${name} was kept`);
  });
});

it('a document whose process is killed runs once more, and an equal one gets its result', async () => {
  const log = newFolder();
  const task = fixture('cache-task', { log });
  const cache = await openCache(task, newFolder());
  const session = await openStrategy('process-pool', task, { workers: 2, cache });
  const bytes = Buffer.from('killed text');
  const found: unknown[] = [];
  await session.run(
    ['a', 'b'].map((id, index) => ({ index, id, size: bytes.length, bytes })),
    (outcome) => {
      found.push(outcome.status === 'ok' ? outcome.value : outcome);
    },
  );
  await session.close();
  assert.deepEqual(found, ['killed text', 'killed text']);
  assert.equal(readFileSync(log, 'utf8'), '.\n.\n', 'the document that was killed, and its second run');
});

it('a document that ends its thread keeps no equal one waiting for results that it took along', async () => {
  const task = fixture('cache-task', { log: newFolder() });
  const session = await openStrategy('self-scheduling', task, {
    workers: 2,
    cache: await openCache(task, newFolder()),
  });
  for (let run = 0; run < 5; run++) {
    const texts = ['plain a', 'plain b', 'ends', 'plain a', 'plain b'].map((text) => `${text} ${run}`);
    const found: unknown[] = [];
    await session.run(
      texts.map((text, index) => ({ index, id: `d${index}`, size: text.length, bytes: Buffer.from(text) })),
      (outcome) => {
        found[outcome.index] = outcome.status === 'ok' ? outcome.value : outcome.status;
      },
    );
    const expected = texts.map((text) => (text.startsWith('plain') ? text : 'crashed'));
    assert.deepEqual(found, expected);
  }
  await session.close();
});

for (const strategy of ['self-scheduling', 'queue', 'hybrid'])
  it(`${strategy}: equal documents beside each other have results after their worker has ended`, async () => {
    const log = newFolder();
    const task = fixture('cache-task', { log });
    const cache = await openCache(task, newFolder());
    const session = await openStrategy(strategy, task, { workers: 1, perWorker: 3, cache });
    const texts = ['slow a', 'plain b', 'ends-once k', 'slow c', 'ends-once k', 'ends-once k'];
    const found: unknown[] = [];
    await session.run(
      texts.map((text, index) => ({ index, id: `d${index}`, size: text.length, bytes: Buffer.from(text) })),
      (outcome) => {
        found[outcome.index] = outcome.status === 'ok' ? outcome.value : outcome;
      },
    );
    await session.close();
    assert.deepEqual(found, texts);
  });

it('results that are not written yet are written before a teardown that throws', async () => {
  const folder = newFolder();
  const task = fixture('torn-down-task');
  for (const hits of [0, 10]) {
    const session = await openStrategy('self-scheduling', task, {
      workers: 1,
      cache: await openCache(task, folder),
    });
    let found = 0;
    const documents = Array.from({ length: 10 }, (_, index) => Buffer.from(`document ${index}`));
    await session.run(
      documents.map((bytes, index) => ({ index, id: `d${index}`, size: bytes.length, bytes })),
      (outcome) => {
        if (outcome.cachedMs !== undefined) found++;
      },
    );
    await session.close();
    assert.equal(found, hits);
  }
});

it('a task with stages has one result of all its stages, and `pipeline` refuses', async () => {
  const task = fixture('stages/chain-task');
  const cache = await openCache(task, newFolder());
  const run = async (id: string) => {
    const session = await openStrategy('sequential', task, { workers: 1, cache: { ...cache } });
    const outcomes: Outcome[] = [];
    await session.run([{ index: 0, id, size: 4, bytes: Buffer.from('same') }], (outcome) => {
      outcomes.push(outcome);
    });
    await session.close();
    const [outcome] = outcomes;
    assert.equal(outcome?.status, 'ok');
    return { value: outcome.value, isCached: outcome.cachedMs !== undefined };
  };
  const three = await run('3');
  assert.equal(three.isCached, false);
  assert.deepEqual(await run('3'), { value: three.value, isCached: true });
  const two = await run('2');
  assert.equal(two.isCached, false, 'a stage reads the id');
  assert.notDeepEqual(two.value, three.value);
  await assert.rejects(openStrategy('pipeline', task, { workers: 3, cache }), /expected no `cache`/);
});

it('a task that takes less than 20 hashes of its document gets no cache', () => {
  const judge = (taskMs: number) => {
    const price = new Price();
    const found: string[] = [];
    while (!price.isKnown) found.push(...[price.learn(taskMs, 0.01)].filter((text) => text !== null));
    return found;
  };
  assert.deepEqual(judge(0.2), []);
  assert.match(judge(0.19).join(), /the task takes 0\.19 ms .* a hash of the document takes 0\.01 ms/);
});

describe('what a result depends on', () => {
  const bytes = Buffer.from('a document');
  const project = () => {
    const folder = newFolder();
    mkdirSync(join(folder, 'node_modules/tables'), { recursive: true });
    mkdirSync(join(folder, 'node_modules/inner'));
    writeFileSync(join(folder, 'package.json'), '{"name":"project"}');
    const write = (changes: { text?: string; version?: string; inner?: string } = {}) => {
      const { text = 'one', version = '1.0.0', inner = '1.0.0' } = changes;
      const needs = { dependencies: { inner: '*' } };
      const manifest = JSON.stringify({ name: 'tables', version, main: 'main.js', ...needs });
      writeFileSync(
        join(folder, 'node_modules/inner/package.json'),
        JSON.stringify({ name: 'inner', version: inner }),
      );
      writeFileSync(join(folder, 'node_modules/tables/package.json'), manifest);
      writeFileSync(join(folder, 'node_modules/tables/main.js'), `module.exports = '${version}';`);
      writeFileSync(
        join(folder, 'task.mjs'),
        `import tables from 'tables';
         export const cacheEnv = ['CACHE_TEST_MODEL'];
         export const cacheKey = () => process.env.CACHE_TEST_KEY ?? '';
         export default (document, { options }) => [
           '${text}', tables, options.level, process.env.CACHE_TEST_MODEL, process.env.CACHE_TEST_KEY,
         ].join();`,
      );
    };
    return { folder, write };
  };

  it('changes of task, package, option, environment and key give no result of before', async () => {
    const { folder, write } = project();
    const env: Record<string, string | undefined> = { CACHE_TEST_MODEL: 'm1', CACHE_TEST_KEY: 'k1' };
    const run = async (options: RunnerOptions['options'] = { level: 1 }) => {
      Object.assign(process.env, env);
      const runner = await createRunner({
        task: join(folder, 'task.mjs'),
        strategy: 'process-pool',
        workers: 1,
        options,
        cache: join(folder, 'cache'),
      });
      const outcome = await runner.run({ id: 'document', bytes });
      const { cache } = runner.stats();
      await runner.close();
      return [outcome.status === 'ok' ? outcome.value : outcome, cache?.hits];
    };
    write();
    assert.deepEqual(await run(), ['one,1.0.0,1,m1,k1', 0]);
    assert.deepEqual(await run(), ['one,1.0.0,1,m1,k1', 1]);
    assert.deepEqual(await run({ level: 2 }), ['one,1.0.0,2,m1,k1', 0]);
    write({ text: 'two' });
    assert.deepEqual(await run(), ['two,1.0.0,1,m1,k1', 0]);
    write({ version: '1.0.1' });
    assert.deepEqual(await run(), ['one,1.0.1,1,m1,k1', 0]);
    write({ version: '1.0.1', inner: '2.0.0' });
    assert.deepEqual(await run(), ['one,1.0.1,1,m1,k1', 0], 'a package that a package needs');
    write();
    env.CACHE_TEST_MODEL = 'm2';
    assert.deepEqual(await run(), ['one,1.0.0,1,m2,k1', 0]);
    env.CACHE_TEST_KEY = 'k2';
    assert.deepEqual(await run(), ['one,1.0.0,1,m2,k2', 0]);
    assert.deepEqual(await run(), ['one,1.0.0,1,m2,k2', 1]);
    const service = (port: number) => ({ level: 1, service: `http://127.0.0.1:${port}/v1` });
    assert.equal((await run(service(4001)))[1], 0);
    assert.equal((await run(service(4002)))[1], 1, 'the port of a service is none of it');
  });

  it('a result that is another one now turns the cache off, and the warning names the document', async () => {
    const table = newFolder();
    const warnings: string[] = [];
    const heard = ({ message }: Error) => warnings.push(message);
    process.on('warning', heard);
    const run = async (text: string) => {
      writeFileSync(table, text);
      const task = fixture('table-task', { table });
      const { default: strategy } = await import('../../strategies/main-thread/sequential.js');
      const cache = await openCache(task, { folder: join(root, 'verified'), verify: 1 });
      const session = await strategy.open(task, { workers: 1, delivery: 'none', cache });
      const values: unknown[] = [];
      const documents = ['a', 'b'].map((id, index) => ({
        index,
        id,
        size: 10,
        bytes: Buffer.from(`table ${id}`),
      }));
      await session.run(documents, (outcome) => {
        values.push(outcome.status === 'ok' ? outcome.value : outcome);
      });
      await session.close();
      await setImmediate();
      return values;
    };
    await run('old');
    assert.deepEqual(await run('old'), ['old', 'old']);
    assert.deepEqual(warnings, []);
    assert.deepEqual(await run('new'), ['new', 'new']);
    assert.equal(warnings.length, 1);
    assert.match(warnings.join(), /document "a" has another result now/);
    process.off('warning', heard);
  });
});

function files(folder: string, ending: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith(ending));
}

function sizeOf(folder: string): number {
  return readdirSync(join(folder, 'task')).reduce(
    (sum, name) => sum + statSync(join(folder, 'task', name)).size,
    0,
  );
}
