import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { Inner, type InnerDocument } from '../../agent/inner.js';
import { openStrategy } from '../../runner/open-strategy.js';
import type { OpenOptions, Outcome } from '../../strategies/strategy.js';
import { documentsOf, fixture } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a batch, and returns its outcomes in the order of its documents. */
async function run(inner: Inner, pass: number, documents: readonly InnerDocument[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  await inner.run(pass, documents, (outcome, place) => {
    assert.equal(outcomes[place], undefined);
    outcomes[place] = outcome;
  });
  return outcomes;
}

async function within(
  options: Partial<OpenOptions> & { readonly marker?: string },
  use: (inner: Inner) => Promise<void>,
  strategy = 'self-scheduling',
): Promise<void> {
  const { marker, ...rest } = options;
  const task = fixture('odd-task', marker === undefined ? {} : { marker });
  const inner = new Inner(await openStrategy(strategy, task, { workers: 2, ...rest }));
  try {
    await use(inner);
  } finally {
    await inner.close();
  }
}

/** Documents of a batch. Their indexes begin at `first`. */
const batchOf = (ids: readonly string[], { first = 0, cancellable = false } = {}): InnerDocument[] =>
  documentsOf(ids).map((document) => ({
    document: { ...document, index: first + document.index },
    cancellable,
  }));
const sizes = (count: number, first = 0) =>
  batchOf(
    Array.from({ length: count }, (_, i) => `size${i}`),
    { first },
  );

for (const strategy of ['sequential', 'thread-pool', 'partitioned', 'self-scheduling', 'queue'])
  it(`gives each batch its outcomes in the order of its documents (${strategy})`, async () => {
    await within(
      {},
      async (inner) => {
        // The last two have indexes that are in use, one of them in another pass.
        const batches = [
          { pass: 1, count: 3, first: 0 },
          { pass: 1, count: 1, first: 5000 },
          { pass: 1, count: 0, first: 10 },
          { pass: 1, count: 20, first: 10 },
          { pass: 2, count: 3, first: 0 },
          { pass: 2, count: 3, first: 0 },
        ];
        const found = batches.map(({ pass, count, first }) => run(inner, pass, sizes(count, first)));
        for (const [i, { count, first }] of batches.entries())
          assert.deepEqual(
            (await (found[i] as (typeof found)[0])).map(({ index, id, status }) => [index, id, status]),
            Array.from({ length: count }, (_, place) => [first + place, `size${place}`, 'ok']),
          );
      },
      strategy,
    );
  });

it('gives documents that crash, time out or fail each its own outcome, and goes on', async () => {
  await within({ timeoutMs: 1000 }, async (inner) => {
    const found = await run(inner, 1, batchOf(['size0', 'exit1', 'loop2', 'throw3', 'size4']));
    const statuses = found.map(({ status }) => status);
    assert.deepEqual(statuses, ['ok', 'crashed', 'timed-out', 'failed', 'ok']);
    const [again] = await run(inner, 1, batchOf(['size5'], { first: 5 }));
    assert.equal(again?.status, 'ok');
  });
});

it('has workers again in the pass after one that used them all up', async () => {
  const marker = mkdtempSync(join(folder, 'count-'));
  await within({ marker }, async (inner) => {
    const bad = batchOf(Array.from({ length: 100 }, (_, i) => `exit-count${i}`));
    for (const { status } of await run(inner, 1, bad)) assert.equal(status, 'crashed');
    for (const { status } of await run(inner, 2, sizes(3))) assert.equal(status, 'ok');
  });
});

it('cancels a document that waits, one that runs and one that comes later, and no other', async () => {
  await within({ workers: 1 }, async (inner) => {
    const running = run(inner, 1, batchOf(['never0'], { cancellable: true }));
    const waiting = run(inner, 1, batchOf(['size0', 'size1'], { first: 1, cancellable: true }));
    inner.drop(1, 1);
    inner.drop(1, 3);
    await new Promise(setImmediate);
    inner.drop(1, 0);
    await running;
    const later = run(inner, 1, batchOf(['size3'], { first: 3 }));
    const statuses = [...(await waiting), ...(await later)].map(({ status }) => status);
    assert.deepEqual(statuses, ['failed', 'ok', 'failed']);
    inner.forget(1, 3);
    const [again] = await run(inner, 2, batchOf(['size3'], { first: 3 }));
    assert.equal(again?.status, 'ok');
  });
});

it('cancels no document of another pass that has the same index', async () => {
  await within({ workers: 1 }, async (inner) => {
    const running = run(inner, 2, batchOf(['later0'], { first: 4, cancellable: true }));
    await new Promise(setImmediate);
    inner.drop(1, 4); // comes late
    inner.drop(1, 5);
    const [ok, later] = [await running, await run(inner, 2, batchOf(['size0'], { first: 5 }))];
    assert.deepEqual([ok[0]?.status, later[0]?.status], ['ok', 'ok']);
    inner.drop(3, 6); // comes before its document, and a late message does not take it back
    inner.forget(2, 6);
    inner.drop(2, 7);
    const found = await run(inner, 3, batchOf(['size0', 'size1'], { first: 6 }));
    assert.deepEqual(
      found.map(({ status }) => status),
      ['failed', 'ok'],
    );
  });
});

it('cancels all documents of a pass, and none of the next one', async () => {
  await within({ workers: 1 }, async (inner) => {
    const ids = ['later0', ...Array.from({ length: 200 }, (_, i) => `size${i}`)];
    const found = [run(inner, 1, batchOf(ids)), run(inner, 1, sizes(3, 300))];
    const next = run(inner, 2, batchOf(['size0'])); // it is here before the message
    inner.cancel(1);
    found.push(run(inner, 1, sizes(3, 400)));
    const statuses = (await Promise.all(found)).map((outcomes) => outcomes.at(-1)?.status);
    assert.deepEqual(statuses, ['failed', 'failed', 'failed']);
    assert.equal((await next)[0]?.status, 'ok');
    const [again] = await run(inner, 2, batchOf(['size0']));
    assert.equal(again?.status, 'ok');
  });
});

it('asks its workers for their usage, and goes on', async () => {
  await within({}, async (inner) => {
    const before = run(inner, 1, sizes(10));
    const asked = inner.members();
    const after = run(inner, 1, sizes(10, 10));
    assert.equal((await asked).engines.length, 2);
    for (const { status } of [...(await before), ...(await after)]) assert.equal(status, 'ok');
    assert.equal(inner.documents, 0);
  });
});

it('loses the batches that it has when it is closed at once, and waits for nothing', async () => {
  await within({}, async (inner) => {
    const settled = run(inner, 1, batchOf(['never0', 'never1', 'never2', 'never3'])).then(
      (found) => found.map(({ status }) => status),
      () => 'lost',
    );
    await new Promise(setImmediate);
    await inner.close({ now: true });
    assert.ok(['lost', 'crashed,crashed,crashed,crashed'].includes(String(await settled)));
  });
});
