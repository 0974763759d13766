import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { claimMemory } from '../../services/cache/cache-facts.js';
import { type Claim, type Claims, claimant, shortKey } from '../../services/cache/claims.js';
import { FileClaims } from '../../services/cache/file-claims.js';
import { documentKey } from '../../services/cache/keys.js';
import { MemoryClaims } from '../../services/cache/memory-claims.js';
import { Seen } from '../../services/cache/seen.js';
import { type EndedResult, SharedResults } from '../../services/cache/shared-results.js';

let root = '';
before(() => {
  root = mkdtempSync(join(tmpdir(), 'forkwise-claims-'));
});
after(() => rmSync(root, { recursive: true, force: true }));

let files = 0;
const key = (text: string) => documentKey(Buffer.from(text));
const claim = (text: string, document: number): Claim => ({ key: key(text), document });
const kinds: Record<string, () => () => Claims> = {
  'in a file': () => {
    const path = join(root, String(files++));
    return () => new FileClaims(path);
  },
  'in memory': () => {
    const memory = claimMemory();
    return () => new MemoryClaims(memory);
  },
};
for (const [kind, ofSession] of Object.entries(kinds))
  describe(`claims ${kind}`, () => {
    it('give a key to the first document, until that has ended', () => {
      const open = ofSession();
      const [a, b] = [open(), open()];
      assert.equal(a.take(claim('x', 1)), true);
      assert.equal(b.take(claim('x', 2)), false);
      assert.equal(b.take(claim('y', 3)), true);
      assert.equal(b.take(claim('x', 1)), true, 'the same document again, on another worker');
      b.end(claim('x', 2));
      assert.equal(b.isTaken(claim('x', 0)), true, 'another document has ended');
      a.end(claim('x', 1));
      assert.equal(b.isTaken(claim('x', 0)), false);
      assert.equal(b.take(claim('x', 4)), true);
    });

    it('end when the result is written, or when the caller has the outcome of a crashed worker', () => {
      const open = ofSession();
      const [crashed, b] = [open(), open()];
      const document = claimant({ index: 7, id: 'seven' });
      const writes = () => {
        crashed.ended(claim('x', document));
        assert.equal(b.take(claim('x', 9)), false, 'the result is not written yet');
        crashed.written(claim('x', document));
        b.readIndex(() => [shortKey(key('x'))]);
      };
      for (const end of [writes, () => open().endOf(document)]) {
        assert.equal(crashed.take(claim('x', document)), true);
        assert.equal(b.take(claim('x', 8)), false);
        end();
        assert.equal(b.isTaken(claim('x', 0)), false);
        b.endOf(document);
      }
    });

    it('tell all workers that the cache is off; one of them has done it', () => {
      const open = ofSession();
      const [a, b] = [open(), open()];
      assert.deepEqual([a.turnOff(), b.turnOff()], [true, false]);
      assert.deepEqual([a.isOff, b.isOff], [true, true]);
    });
  });

describe('claims in memory', () => {
  const ofSession = kinds['in memory'] as () => () => MemoryClaims;

  it('say that the index is newer when a result was written since it was read', () => {
    const open = ofSession();
    const [a, b] = [open(), open()];
    a.take(claim('x', 1));
    a.ended(claim('x', 1));
    assert.equal(b.isIndexNewer, false);
    a.written(claim('x', 1));
    assert.equal(b.take(claim('x', 2)), true);
    assert.equal(b.isIndexNewer, true, 'so the worker looks once more before it runs the document');
    b.readIndex(() => {
      a.written(claim('y', 3));
      return [];
    });
    assert.equal(b.isIndexNewer, true, 'what was written during the reading may not have been read');
    b.readIndex(() => []);
    assert.equal(b.isIndexNewer, false);
  });

  it('let results wait until another document waits for one', () => {
    const open = ofSession();
    const [a, b] = [open(), open()];
    a.take(claim('x', 1));
    a.ended(claim('x', 1));
    assert.equal(a.mayWait, true);
    assert.equal(b.isTaken(claim('x', 0)), true);
    assert.equal(a.mayWait, false);
    a.written(claim('x', 1));
    assert.equal(a.mayWait, true);
  });

  it('are taken over by one of the documents that wait where a result is not written', async () => {
    const open = ofSession();
    const [a, b, c] = [open(), open(), open()];
    a.take(claim('x', 1));
    a.ended(claim('x', 1));
    while (b.isTaken(claim('x', 2))) await setImmediate();
    assert.equal(b.holds(claim('x', 2)), true);
    assert.equal(c.isTaken(claim('x', 3)), true);
    assert.equal(c.holds(claim('x', 3)), false);
    a.written(claim('x', 1));
    assert.equal(b.holds(claim('x', 2)), true, 'the late result does not end the claim of another document');
    b.end(claim('x', 2));
    assert.equal(c.isTaken(claim('x', 3)), false);
  });

  it('are not taken over from a document that has ended just now', async () => {
    const open = ofSession();
    const [a, b] = [open(), open()];
    a.take(claim('x', 1));
    a.ended(claim('x', 1));
    assert.equal(b.isTaken(claim('x', 3)), true);
    await setTimeout(600); // longer than a worker waits for a result to be written
    a.end(claim('x', 1));
    a.take(claim('x', 2));
    a.ended(claim('x', 2));
    assert.equal(b.isTaken(claim('x', 3)), true);
  });

  it('of results that were not written end with their thread', () => {
    const open = ofSession();
    const [a, b] = [open(), open()];
    for (const [text, document] of [
      ['x', 1],
      ['y', 2],
    ] as const)
      a.take(claim(text, document));
    a.ended(claim('x', 1));
    open().endUnwritten();
    assert.equal(b.isTaken(claim('x', 3)), false);
    assert.equal(b.isTaken(claim('y', 3)), true, 'the document is running');
  });

  it('are those of a running document again when it runs again', () => {
    const open = ofSession();
    const [a, b, c] = [open(), open(), open()];
    a.take(claim('x', 1));
    a.ended(claim('x', 1));
    assert.equal(c.isTaken(claim('x', 2)), true);
    assert.equal(b.take(claim('x', 1)), true);
    assert.equal(b.holds(claim('x', 1)), true);
  });

  it('let a document run whose place another key has', () => {
    const open = ofSession();
    const [a, b] = [open(), open()];
    const other = (text: string) => `${key(text).slice(0, 4)}${key('other').slice(4)}`;
    a.take(claim('x', 1));
    assert.equal(b.take({ key: other('x'), document: 2 }), true);
    b.end({ key: other('x'), document: 2 });
    assert.equal(b.take(claim('x', 3)), false, 'the first claim is still there');
  });
});

describe('results of threads', () => {
  for (const [what, facts] of [
    ['whose document is large', { size: 65_536 }],
    ['of a task that took long', { taskMs: 20 }],
    ['that is serialized already', { isCopy: false }],
  ] as const)
    it(`wait for others, and a result ${what} does not`, () => {
      const [a, b] = openTwo();
      a.keep(ended('small'), 0);
      b.readNew();
      assert.equal(b.get(key('small')), null);
      assert.notEqual(a.get(key('small')), null, 'the worker itself finds it');
      a.keep(ended('other', facts), 0);
      b.readNew();
      for (const name of ['small', 'other']) assert.notEqual(b.get(key(name)), null);
      for (const results of [a, b]) results.close();
    });

  it('are written when they are 64, when the first is old, and in the end', () => {
    const [a, b] = openTwo();
    const isFound = (name: string) => {
      b.readNew();
      return b.get(key(name)) !== null;
    };
    for (let i = 0; i < 63; i++) a.keep(ended(`${i}`), 0);
    assert.equal(isFound('0'), false);
    a.keep(ended('63'), 0);
    assert.equal(isFound('0') && isFound('63'), true);
    a.keep(ended('old'), 100);
    a.refresh(149);
    assert.equal(isFound('old'), false);
    a.refresh(150);
    assert.equal(isFound('old'), true);
    a.keep(ended('last'), 200);
    a.close();
    assert.equal(isFound('last'), true);
    b.close();
  });
});

/** Opens the results of two threads of one session. */
function openTwo(): [SharedResults, SharedResults] {
  const claims = claimMemory();
  const folder = { root: join(root, String(files++)), task: 'task', maxBytes: 1e9 };
  const open = () => new SharedResults(folder, { claims, mayWait: true });
  return [open(), open()];
}

function ended(
  name: string,
  { size = 100, taskMs = 1, isCopy = true }: { size?: number; taskMs?: number; isCopy?: boolean } = {},
): EndedResult {
  const seen = new Seen();
  if (isCopy) seen.copy({ name });
  else seen.result({ name });
  return { key: key(name), seen, taskMs, size, isOfId: false, claim: null };
}
