import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openCache } from '../../../runner/open-cache.js';
import type { AnyDocument, OpenOptions, Outcome, Strategy } from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';
import { fixture, longWithSameWorker, outcomesOf, withSession } from '../../support.js';

/** This tests how a strategy keeps results. */
export function describeCache(strategy: Strategy): void {
  if (strategy.staged) {
    describeNoCache(strategy);
    return;
  }
  const rest = longWithSameWorker(strategy);
  describe(`${strategy.name}: cache`, () => {
    let folder = '';
    /** Tasks write a line here each time that one begins. */
    let log = '';
    before(() => {
      folder = mkdtempSync(join(tmpdir(), 'forkwise-cache-'));
      log = join(folder, 'runs');
    });
    after(() => rmSync(folder, { recursive: true, force: true }));

    const run = async (documents: readonly AnyDocument[], options: Partial<OpenOptions> = {}) => {
      writeFileSync(log, '');
      const task = fixture('cache-task', { log });
      const cache = await openCache(task, join(folder, 'cache'));
      return withSession(strategy, task, { cache, ...options }, (session) =>
        outcomesOf(session, documents, documents.length),
      );
    };
    const runs = () => readFileSync(log, 'utf8').split('\n').length - 1;

    it('gives equal documents of a later session their results, with their own index and id', async () => {
      const first = await run(numbered('plain', ['a', 'b', 'a']));
      assert.deepEqual(first.map(valueIn), ['plain a', 'plain b', 'plain a']);
      assert.ok(runs() <= 2, 'equal documents run once');
      const again = await run(numbered('plain', ['b', 'c', 'a', 'a'], 'x'));
      assert.deepEqual(
        again.map(({ index, id }) => [index, id]),
        [0, 1, 2, 3].map((index) => [index, `x${index}`]),
      );
      assert.deepEqual(again.map(valueIn), ['plain b', 'plain c', 'plain a', 'plain a']);
      assert.equal(runs(), 1);
      assert.deepEqual(again.map(isCached), [true, false, true, true]);
    });

    it('runs equal documents once that are there at the same time', rest, async () => {
      const outcomes = await run(
        numbered(
          'slow',
          Array.from({ length: 8 }, () => 'same'),
        ),
        { workers: 4 },
      );
      assert.deepEqual(
        outcomes.map(valueIn),
        Array.from({ length: 8 }, () => 'slow same'),
      );
      assert.equal(runs(), 1);
      assert.equal(outcomes.filter(isCached).length, 7);
    });

    it(
      'keeps a result that depends on the id for that id, and none that depends on the index',
      rest,
      async () => {
        const first = await run([...numbered('id', ['x', 'x']), ...numbered('index', ['y'], 'i', 2)]);
        assert.deepEqual(first.map(valueIn), ['d0', 'd1', 2]);
        const others = [...numbered('id', ['x', 'x'], 'other'), ...numbered('index', ['y'], 'i', 2)];
        assert.deepEqual((await run(others)).map(valueIn), ['other0', 'other1', 2]);
        assert.equal(runs(), 3);
        const same = [...numbered('id', ['x', 'x']), ...numbered('index', ['y'], 'other', 2)];
        assert.deepEqual((await run(same)).map(valueIn), ['d0', 'd1', 2]);
        assert.equal(runs(), 1);
      },
    );

    it('keeps large results whole', rest, async () => {
      // No more than a worker needs to find that its task is too short for a cache.
      const texts = Array.from({ length: 30 }, (_, i) => 'x'.repeat(i % 10));
      const expected = texts.map((text) => {
        const value = `large ${text}`;
        return { text: value, numbers: new Float64Array(10_000).fill(value.length) };
      });
      for (const hits of [20, 30]) {
        const outcomes = await run(numbered('large', texts));
        assert.deepEqual(outcomes.map(valueIn), expected);
        assert.equal(outcomes.filter(isCached).length, hits);
      }
    });

    it('keeps nothing of a document that fails', rest, async () => {
      const documents = numbered('fail', ['x', 'x']);
      for (let i = 0; i < 2; i++) {
        const outcomes = await run(documents);
        assert.deepEqual(
          outcomes.map(({ status }) => status),
          ['failed', 'failed'],
        );
        assert.equal(runs(), 2);
      }
    });

    if (strategy.deliveries.includes('reference'))
      it('finds the results of documents that the worker reads', rest, async () => {
        const path = join(folder, 'document');
        writeFileSync(path, 'plain file');
        const documents: AnyDocument[] = [
          { index: 0, id: 'one', path },
          { index: 1, id: 'two', reference: 'plain file' },
        ];
        for (const expected of [1, 0]) {
          const outcomes = await run(documents, { delivery: 'reference' });
          assert.deepEqual(outcomes.map(valueIn), ['plain file', 'plain file']);
          assert.deepEqual(
            outcomes.map(({ size }) => size),
            [10, 10],
          );
          assert.equal(typeof outcomes[0]?.mtimeMs, 'number');
          assert.equal(runs(), expected);
        }
      });
  });
}

function describeNoCache(strategy: Strategy): void {
  it(`${strategy.name} refuses a cache`, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'forkwise-cache-'));
    const task = fixture('cache-task');
    const cache = await openCache(task, folder);
    await assert.rejects(
      withSession(strategy, task, { cache }, async () => {}),
      /expected no `cache`/,
    );
    rmSync(folder, { recursive: true });
  });
}

/** Documents that have this deed and these texts in their bytes. */
function numbered(deed: string, texts: readonly string[], id = 'd', first = 0): Document[] {
  return texts.map((text, i) => {
    const bytes = new TextEncoder().encode(`${deed} ${text}`);
    return { index: first + i, id: `${id}${i}`, size: bytes.length, bytes };
  });
}

function valueIn(outcome: Outcome): unknown {
  return outcome.status === 'ok' ? outcome.value : outcome;
}

function isCached({ cachedMs }: Outcome): boolean {
  return cachedMs !== undefined;
}
