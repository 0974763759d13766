import assert from 'node:assert/strict';
import { readdirSync, statSync } from 'node:fs';
import { describe, it } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import queue from '../../strategies/batch-queue/queue.js';
import processPool from '../../strategies/library-pool/process-pool.js';
import { type FileOffer, ResultFile } from '../../strategies/processes/result-file.js';
import { FiledParts } from '../../strategies/worker/filed-parts.js';
import { largeBytes, type PartsOfReply, withoutLargeParts } from '../../strategies/worker/large-parts.js';
import { PartPlaces } from '../../strategies/worker/part-places.js';
import { snapshot } from '../../strategies/worker/snapshot.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

const isLinux = process.platform === 'linux';

describe('places of a file', () => {
  it('never overlap, and are never beyond its end', () => {
    const size = 20 * 4096;
    const places = new PartPlaces(size);
    const taken: { at: number; bytes: number }[] = [];
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    let full = 0;
    for (let step = 0; step < 5000; step++) {
      const deed = random(4);
      if (deed === 0) {
        const count = random(1 + taken.length);
        places.free(count);
        taken.splice(0, count);
      } else if (deed === 1 && taken.length > 0) {
        places.giveBack(1);
        taken.pop();
      } else {
        const bytes = 1 + random(size / 3);
        const at = places.take(bytes);
        if (at === null) {
          full++;
          assert.ok(taken.length > 0, 'an empty file has room');
          continue;
        }
        assert.ok(at >= 0 && at + bytes <= size);
        for (const other of taken) assert.ok(at >= other.at + other.bytes || at + bytes <= other.at);
        taken.push({ at, bytes });
      }
    }
    assert.ok(full > 100);
    assert.equal(new PartPlaces(size).take(size + 1), null);
  });
});

/** Both sides of a file, in this process. */
function bothSides() {
  const file = new ResultFile(process.pid);
  const offers: FileOffer[] = [];
  const parts = new FiledParts(1, (offer) => offers.push(offer));
  /** Sends what `take` makes as a message would. */
  const sent = (take: () => unknown) => {
    const reply: PartsOfReply = {};
    const value = take();
    parts.note(reply);
    return deserialize(serialize({ value, filed: reply.filed })) as { value: unknown } & PartsOfReply;
  };
  return { file, offers, parts, sent };
}

/** Returns both sides when the caller has accepted the file. */
function accepted() {
  const sides = bothSides();
  assert.equal(sides.parts.take(new Uint8Array(largeBytes)), null, 'the first part travels in the message');
  assert.equal(sides.offers.length, 1);
  sides.file.offered(sides.offers[0] as FileOffer);
  return sides;
}

describe('the file with large results', { skip: !isLinux }, () => {
  it('brings parts back as they were, in their places', () => {
    const { file, parts, sent } = accepted();
    const numbers = new Float64Array(5000).map((_, i) => i / 3);
    const whole = Buffer.alloc(2 * largeBytes, 'text');
    const result = () => ({
      numbers,
      list: [numbers, { view: new DataView(numbers.buffer), small: new Uint8Array(3) }],
      buffer: numbers.buffer,
      part: whole.subarray(7, 7 + largeBytes),
      none: {},
    });
    for (let run = 0; run < 200; run++) {
      const { value, filed } = sent(() => snapshot(result(), null, parts));
      assert.equal(filed?.length, 4, 'a part that occurs twice is written once');
      const restored = file.restored(value, filed) as ReturnType<typeof result>;
      assert.deepEqual(restored, { ...result(), part: new Uint8Array(result().part) });
      assert.equal(restored.list[0], restored.numbers);
    }
    const { value, filed } = sent(() => withoutLargeParts({ whole, none: 1 }, parts));
    assert.equal(filed?.length, 1);
    assert.deepEqual(file.restored(value, filed), { whole, none: 1 });
    const alone = sent(() => snapshot(numbers, null, parts));
    assert.deepEqual(file.restored(alone.value, alone.filed ?? []), numbers);
    file.close();
  });

  it('leaves parts that find no place to the message, until others have been read', () => {
    const { file, parts, sent } = accepted();
    const bytes = new Uint8Array(6 * 2 ** 20).fill(5);
    assert.equal(parts.take(new Uint8Array(2 ** 26)), null, 'it is larger than the file');
    const waiting = [1, 2, 3, 4].map((index) => sent(() => snapshot({ index, bytes }, null, parts)));
    const inFile = waiting.filter(({ filed }) => filed !== undefined);
    assert.ok(inFile.length >= 1 && inFile.length < waiting.length);
    for (const { value, filed = [] } of waiting)
      assert.deepEqual((filed.length === 0 ? value : file.restored(value, filed)) as object, {
        index: (value as { index: number }).index,
        bytes,
      });
    assert.ok(sent(() => snapshot(bytes, null, parts)).filed !== undefined);
    file.close();
  });

  it('keeps a part until it has been read', () => {
    const { file, parts, sent } = accepted();
    const send = (content: number) =>
      sent(() => snapshot(new Uint8Array(2 ** 22).fill(content), null, parts));
    const waiting = [send(0), send(1), send(2)];
    for (let content = 3; content < 20; content++) {
      const oldest = waiting.shift() as (typeof waiting)[number];
      const bytes = oldest.filed === undefined ? oldest.value : file.restored(oldest.value, oldest.filed);
      assert.deepEqual(bytes, new Uint8Array(2 ** 22).fill(content - 3));
      waiting.push(send(content));
    }
    file.close();
  });

  it('gets the places of a result back that is not sent', () => {
    const { file, parts, sent } = accepted();
    const bytes = new Uint8Array(2 ** 22);
    const shared = new Uint8Array(new SharedArrayBuffer(8));
    for (let run = 0; run < 20; run++)
      assert.throws(() => snapshot({ bytes, shared }, null, parts), /SharedArrayBuffer/);
    assert.ok(sent(() => snapshot(bytes, null, parts)).filed !== undefined);
    file.close();
  });

  it('is not used when the caller cannot open it, or opens another one', () => {
    for (const wrong of [{ fd: 1e6 }, { key: -1 }]) {
      const { file, offers, parts } = bothSides();
      parts.take(new Uint8Array(largeBytes));
      file.offered({ ...(offers[0] as FileOffer), ...wrong });
      assert.equal(parts.take(new Uint8Array(largeBytes)), null);
      assert.equal(offers.length, 1);
      assert.throws(() => file.restored({}, []), /not open/);
    }
  });
});

/** Sizes of the nameless files that a process has open. */
function filesOf(pid: number): number[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).flatMap((fd) => {
    const status = statSync(`${folder}/${fd}`, { throwIfNoEntry: false });
    return status?.isFile() && status.nlink === 0 ? [status.size] : [];
  });
}

for (const strategy of [queue, processPool])
  it(`${strategy.name} brings large results through files, which end with the session`, {
    skip: !isLinux,
  }, async () => {
    const before = filesOf(process.pid);
    const ids = Array.from({ length: 16 }, (_, i) => `bulk${i}`);
    const sizes = await withSession(
      strategy,
      fixture('odd-task'),
      { delivery: 'message' },
      async (session) => {
        const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
        for (const { index, ...outcome } of outcomes)
          assert.deepEqual(outcome.status === 'ok' && outcome.value, {
            index,
            bytes: new Uint8Array(2_000_000).fill(index),
          });
        const { processes } = await session.members();
        return processes.map(({ pid }) => filesOf(pid));
      },
    );
    assert.ok(sizes.flat().some((size) => size >= 2_000_000));
    assert.ok(sizes.flat().every((size) => size <= 17 * 2 ** 20));
    assert.deepEqual(filesOf(process.pid), before);
  });
