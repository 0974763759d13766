import assert from 'node:assert/strict';
import { closeSync, fstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { Puller } from '../../strategies/batch-queue/puller.js';
import { moveAll } from '../../strategies/processes/regions.js';
import { openSharedFile } from '../../strategies/processes/shared-file.js';
import type { CarriedDocument, CarriedDocuments } from '../../strategies/session/reference.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-queue-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('the shared file', () => {
  it('is in the first folder that takes it, and has no name', () => {
    const path = mkdtempSync(join(folder, 'there-'));
    const missing = { path: join(path, 'missing'), transport: 'tmpfs' } as const;
    const there = { path, transport: 'file' } as const;
    const { file, refusals } = openSharedFile({ bytes: 3 * 2 ** 20 + 5, folders: [missing, there, missing] });
    assert.ok(file?.transport === 'file');
    assert.match(refusals.join(), /^"[^"]*missing" took no file of 3145733 bytes: ENOENT[^"]*$/);
    assert.deepEqual(readdirSync(path), []);
    assert.equal(fstatSync(file.fd).size, 3 * 2 ** 20 + 5);
    closeSync(file.fd);
    const none = openSharedFile({ bytes: 5, folders: [missing, missing] });
    assert.deepEqual([none.file, none.refusals.length], [null, 2]);
  });

  it('is written and read to the end when the system stops short', () => {
    const lengths = fc.array(fc.oneof(fc.constant(0), fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(
        lengths,
        fc.nat(9),
        fc.array(fc.integer({ min: 1, max: 25 }), { minLength: 1 }),
        (lengths, start, steps) => {
          const views = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
          const expected = Buffer.concat(views);
          const file = Buffer.alloc(start + expected.length);
          let calls = 0;
          moveAll(
            (left, position) => {
              const moved = Buffer.concat(left).subarray(0, steps[calls++ % steps.length]);
              file.set(moved, position);
              return moved.length;
            },
            views,
            start,
          );
          assert.deepEqual(file, Buffer.concat([Buffer.alloc(start), expected]));
        },
      ),
    );
    const counts: number[] = [];
    const one = new Uint8Array(1);
    moveAll((left) => counts.push(left.length) && left.length, Array(3000).fill(one), 0);
    assert.deepEqual(counts, [1024, 1024, 952]);
    assert.throws(() => moveAll(() => 0, [one], 7), /expected 1 more buffers of the shared file at 7/);
  });
});

describe('the puller', () => {
  const limit = { documents: 10, bytes: 1000 };
  /** A busy machine may need longer for a few documents than a batch waits. */
  const forEver = Number.POSITIVE_INFINITY;
  const sizes = async (documents: CarriedDocuments) => {
    const puller = new Puller(documents, forEver);
    const batches: number[][] = [];
    for (let batch = await puller.take(limit); batch !== null; batch = await puller.take(limit)) {
      batches.push(batch.documents.map(({ size }) => size));
    }
    return batches;
  };
  const sized = (...sizes: number[]) =>
    sizes.map((size, index) => ({ index, id: `${index}`, size, bytes: new Uint8Array(size) }));

  it('respects the limits, and lets a larger document travel alone', async () => {
    const documents = sized(500, 500, 1, 2000, 999, 2, ...Array(11).fill(0));
    const batches = [[500, 500], [1], [2000], [999], [2, ...Array(9).fill(0)], [0, 0]];
    assert.deepEqual(await sizes(documents), batches);
    assert.deepEqual(await sizes(atOnce(documents)), batches);
  });

  it('counts the content of a document by reference, as far as its size is known', async () => {
    const documents = [600, 300, 200, 5, 2000, 1].map(
      (size, index): CarriedDocument => ({
        index,
        id: `${index}`,
        size,
        bytes: new Uint8Array(20),
        by: 'path',
      }),
    );
    assert.deepEqual(await sizes(documents), [[600, 300], [200, 5], [2000], [1]]);
    const unknown = documents.map((document) => ({ ...document, size: 0, bytes: new Uint8Array(400) }));
    assert.deepEqual(await sizes(unknown), [
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
  });

  it('gives a document that must be alone a batch of its own', async () => {
    const puller = new Puller(sized(1, 2, 70, 3, 71, 72, 4));
    const alone = { ...limit, isAlone: ({ size }: Document) => size >= 70 };
    const batches: number[][] = [];
    for (let batch = await puller.take(alone); batch !== null; batch = await puller.take(alone))
      batches.push(batch.documents.map(({ size }) => size));
    assert.deepEqual(batches, [[1, 2], [70], [3], [71], [72], [4]]);
  });

  it('does not delay a document because the next one is late', { timeout: 20_000 }, async () => {
    let more = () => {};
    const isThere = new Promise<void>((resolve) => {
      more = resolve;
    });
    const puller = new Puller(
      (async function* () {
        yield* sized(1, 2);
        await isThere;
        yield* sized(3);
      })(),
    );
    // They are in two batches where the machine is too busy to pull both in time.
    for (let taken = 0; taken < 2; ) taken += (await puller.take(limit))?.documents.length ?? Infinity;
    const late = puller.take(limit);
    more();
    assert.equal((await late)?.documents[0]?.size, 3);
    assert.equal(await puller.take(limit), null);
  });

  it('lets the event loop run', async () => {
    let turns = 0;
    const count = () => {
      turns++;
      next = setImmediate(count);
    };
    let next = setImmediate(count);
    const busy = function* () {
      for (const endMs = now() + 5000; turns < 3 && now() < endMs; ) yield* sized(1);
    };
    await sizes(busy());
    assert.ok(turns >= 3, `${turns} turns`);
    turns = 0;
    await sizes(atOnce(busy()));
    assert.ok(turns >= 3, `${turns} turns`);
    clearImmediate(next);
  });
});

async function* atOnce<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
