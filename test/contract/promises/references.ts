import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { AnyDocument, OpenOptions, Outcome, Session, Strategy } from '../../../strategies/strategy.js';
import { type Got, hashOf } from '../../fixtures/tasks/reference-task.js';
import { errorOf, fixture, longWithSameWorker, onlyLong, outcomesOf, withSession } from '../../support.js';
import {
  type Form,
  fileOf,
  folder,
  numbered,
  okValue,
  onLinux,
  pattern,
  unreadableFiles,
} from './reference-files.js';
import { itReadsFiles } from './references-reading.js';

/** Tests documents by path and by reference.  */
export function describeReferences(strategy: Strategy): void {
  const rest = longWithSameWorker(strategy);
  /** Reading is the same code in all strategies of a kind: one of each has the tests that take long. */
  const ofEachKind = ['sequential', 'thread-pool', 'queue'].includes(strategy.name)
    ? { skip: false }
    : onlyLong;
  const open = <T>(options: Partial<OpenOptions>, use: (session: Session) => Promise<T>) =>
    withSession(strategy, fixture('reference-task'), { delivery: 'reference', ...options }, use);
  const outcomesOfForms = (forms: readonly Form[], options: Partial<OpenOptions> = {}) =>
    open(options, (session) => outcomesOf(session, numbered(forms), forms.length));

  describe(`${strategy.name}: documents by reference`, () => {
    /** The tests that need no options use one session. */
    let session: Session;
    before(async () => {
      session = await strategy.open(fixture('reference-task'), { workers: 2, delivery: 'reference' });
    });
    after(() => session.close());
    const run = (forms: readonly Form[]) => outcomesOf(session, numbered(forms), forms.length);

    itReadsFiles(run);

    it('gives the task what its `resolve` returns', async () => {
      const references: [unknown, string][] = [
        [{ by: 'text', text: 'one' }, 'one'],
        [{ by: 'view', text: 'zwei' }, 'zwei'],
        [{ by: 'shared', text: 'trois' }, 'trois'],
        [{ by: 'later', text: 'quattro' }, 'quattro'],
        [{ by: 'state' }, 'from setup'],
        [{ by: 'empty' }, ''],
        // All others arrive as JSON makes them.
        ['https://example.org/ü', '"https://example.org/ü"'],
        [null, 'null'],
        ['x'.repeat(3_000_000), `"${'x'.repeat(3_000_000)}"`],
        [17, '17'],
        [
          { list: [undefined, Number.NaN], gone: undefined, date: new Date(0) },
          '{"list":[null,null],"date":"1970-01-01T00:00:00.000Z"}',
        ],
      ];
      const forms = references.map(([reference], i) => ({ id: `text${i}`, reference }));
      const outcomes = await run(forms);
      for (const [i, [, text]] of references.entries()) {
        const outcome = outcomes[i] as Outcome;
        assert.deepEqual([okValue(outcome), outcome.size], [text, Buffer.byteLength(text)]);
        assert.equal('mtimeMs' in outcome, false);
      }
      const got = await run(forms.map(({ reference }) => ({ id: 'got', reference })));
      for (const outcome of got)
        assert.equal((okValue(outcome) as Got).isAlone, true, JSON.stringify(outcome));
    });

    it('fails what `resolve` does not give', rest, async () => {
      const references: [unknown, RegExp][] = [
        [{ by: 'throw' }, /^RangeError: no such key$/],
        [{ by: 'reject' }, /^RangeError: came later$/],
        [{ by: 'unreadable', text: 'revoked' }, /^NonError: \[object Object\]$/],
        [{ by: 'unreadable-later', text: 'trapped-prototype' }, /^NonError: \[object Object\]$/],
        [
          { by: 'string', text: 'text' },
          /^TypeError: expected `resolve` to return a Uint8Array, got .*string$/,
        ],
        [{ by: 'nothing' }, /got undefined$/],
        [{ by: 'later-null' }, /got null$/],
        [{ by: 'words' }, /got .*Uint16Array$/],
        [{ by: 'buffer' }, /got .*ArrayBuffer$/],
        [10n, /^TypeError: expected a reference that JSON can carry: .*BigInt/],
        [cyclic, /^TypeError: expected a reference that JSON can carry: .*circular/],
        [() => 1, /^TypeError: expected a reference that JSON can carry: got a function$/],
        [undefined, /^TypeError: expected a document with `bytes` .*, `path` .* or `reference`$/],
      ];
      const outcomes = await run(references.map(([reference], i) => ({ id: `x${i}`, reference })));
      for (const [i, [, message]] of references.entries()) {
        const outcome = outcomes[i] as Outcome;
        assert.equal(outcome.status, 'failed');
        assert.match(`${errorOf(outcome).name}: ${errorOf(outcome).message}`, message);
      }
      assert.equal(errorOf(outcomes[0] as Outcome).code, 'E_KEY');
      const none = await withSession(strategy, fixture('odd-task'), { delivery: 'reference' }, (session) =>
        outcomesOf(session, numbered([{ id: 'size', reference: 'a' }]), 1),
      );
      assert.match(errorOf(none[0] as Outcome).message, /expected the task to export a function `resolve`/);
    });

    it('says how much was read when the task fails afterwards', async () => {
      const path = fileOf('12345');
      const [outcome] = await run([{ id: 'throw', path }]);
      assert.deepEqual([outcome?.status, outcome?.size], ['failed', 5]);
    });

    it('takes no references in a session that was opened with another delivery', rest, async () => {
      const forms = [
        { id: 'a', path: fileOf('a') },
        { id: 'text', size: 1, bytes: pattern(1) },
        { id: 'c', reference: 1 },
      ];
      const outcomes = await outcomesOfForms(forms, { delivery: strategy.deliveries[0] });
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ['failed', 'ok', 'failed'],
      );
      assert.match(
        errorOf(outcomes[0] as Outcome).message,
        /by path: open the session with delivery "reference"/,
      );
      assert.match(errorOf(outcomes[2] as Outcome).message, /by reference: open the session with delivery/);
    });

    it('does not misread a member of a document that has bytes', async () => {
      const document = {
        index: 0,
        id: 'text',
        size: 4,
        bytes: Buffer.from('text'),
        by: 'path',
        path: '/',
        reference: 1,
      };
      const [outcome] = await outcomesOf(session, [document], 1);
      assert.equal(okValue(outcome as Outcome), 'text');
    });

    it('counts reading as the time of the document', rest, async () => {
      const forms = Array.from({ length: 12 }, (_, i) =>
        i === 5 ? { id: 'a', reference: { by: 'never' } } : { id: `b${i}`, path: fileOf('b') },
      );
      const outcomes = await outcomesOfForms([...forms, { id: 'c', reference: { by: 'wait', text: '60' } }], {
        timeoutMs: 900,
      });
      for (const { id, status } of outcomes) assert.equal(status, id === 'a' ? 'timed-out' : 'ok', id);
      assert.ok((outcomes.at(-1)?.taskMs as number) > 50);
    });

    it('ends a `resolve` that is cancelled, and no other document', rest, async () => {
      const forms = Array.from({ length: 20 }, (_, i) =>
        i === 7 ? { id: 'a', reference: { by: 'cancelled', text: '7' } } : { id: `b${i}`, path: fileOf('b') },
      );
      let cancel: (index: number) => void = () => {};
      const channel = {
        onRequest(index: unknown) {
          setImmediate(() => cancel(Number(index)));
        },
      };
      await open({ channel }, async (session) => {
        cancel = (index) => session.cancel(index);
        const statuses = new Map<number, Outcome['status']>();
        await session.run(numbered(forms), ({ index, status }) => void statuses.set(index, status), {
          cancellable: (index) => index === 7,
        });
        assert.deepEqual(
          forms.map((_, i) => statuses.get(i)),
          forms.map((_, i) => (i === 7 ? 'failed' : 'ok')),
        );
      });
    });

    it('gives every document that it has pulled its outcome when it closes early', rest, async () => {
      const path = fileOf(pattern(20_000));
      const count = 20_000; // more than any strategy pulls before the first outcome
      for (const now of [false, true]) {
        let pulled = 0;
        function* source(): Generator<AnyDocument> {
          for (let index = 0; index < count; index++) {
            pulled++;
            yield index % 3 === 0
              ? { index, id: `b${index}`, reference: { by: 'later', text: 'b' } }
              : { index, id: `a${index}`, path };
          }
        }
        const outcomes: Outcome[] = [];
        const session = await strategy.open(fixture('reference-task'), { workers: 2, delivery: 'reference' });
        let closed: Promise<void> | null = null;
        await session.run(source(), (outcome) => {
          assert.equal(outcomes[outcome.index], undefined);
          outcomes[outcome.index] = outcome;
          if (Object.keys(outcomes).length === 30) closed = session.close({ now });
        });
        await closed;
        assert.equal(Object.keys(outcomes).length, pulled);
        assert.ok(pulled < count);
      }
    });

    it('leaves no descriptor open', { skip: onLinux.skip || ofEachKind.skip }, async () => {
      const forms: Form[] = [
        ...unreadableFiles().map(({ path }, i) => ({ id: `bad${i}`, path })),
        ...Array.from({ length: 50 }, (_, i) => ({ id: `good${i}`, path: fileOf('good') })),
        { id: 'throw', path: fileOf('thrown') },
        { id: 'resolve', reference: { by: 'throw' } },
      ];
      const before = readdirSync('/proc/self/fd').length;
      const counts = await open({ workers: 1 }, async (session) => {
        const counts: unknown[] = [];
        for (let round = 0; round < 3; round++) {
          await outcomesOf(session, numbered(forms), forms.length);
          const [outcome] = await outcomesOf(session, numbered([{ id: 'descriptors', reference: 1 }]), 1);
          counts.push(okValue(outcome as Outcome));
        }
        return counts;
      });
      assert.equal(counts[2], counts[1], 'in the process that reads');
      assert.ok(readdirSync('/proc/self/fd').length <= before, 'in the process of the caller');
    });
  });

  if (strategy.isolation === 'none') return;
  describe(`${strategy.name}: documents by reference, whose workers end`, () => {
    it('reads a document again whose worker has ended', rest, async () => {
      const marker = mkdtempSync(join(folder, 'once-'));
      const task = fixture('reference-task', { marker });
      const contents = Array.from({ length: 40 }, (_, i) => pattern(1000 + i));
      const forms: Form[] = contents.map((bytes, i) => ({
        id: i % 15 === 7 ? `exit-once${i}` : `a${i}`,
        path: fileOf(bytes),
      }));
      forms.push({ id: 'text', reference: { by: 'exit-once', text: 'resolved' } });
      forms.push({ id: 'exit-once41', size: 9, bytes: pattern(9) });
      const outcomes = await withSession(strategy, task, { delivery: 'reference' }, (session) =>
        outcomesOf(session, numbered(forms), forms.length),
      );
      for (const [i, bytes] of [...contents, null, pattern(9)].entries())
        if (bytes !== null)
          assert.deepEqual(okValue(outcomes[i] as Outcome), {
            hash: hashOf(bytes),
            size: bytes.length,
            isAlone: true,
          });
      assert.equal(okValue(outcomes[40] as Outcome), 'resolved');
    });

    it('gives a document up that ends its workers or takes too long', ofEachKind, async () => {
      const forms: Form[] = Array.from({ length: 40 }, (_, i) => ({ id: `a${i}`, path: fileOf('a') }));
      forms[11] = { id: 'exit11', path: fileOf('b') };
      forms[23] = { id: 'c', reference: { by: 'exit' } };
      forms[35] = { id: 'd', reference: { by: 'loop' } };
      const outcomes = await outcomesOfForms(forms, { timeoutMs: 900 });
      const ends = new Map([
        [11, 'crashed'],
        [23, 'crashed'],
        [35, 'timed-out'],
      ]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        forms.map((_, i) => ends.get(i) ?? 'ok'),
      );
    });
  });
}

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
