import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { strategies as entries } from '../../strategies/index.js';
import type {
  AnyDocument,
  DocumentByPath,
  DocumentByReference,
  OpenOptions,
  Outcome,
  Session,
  Strategy,
  TaskError,
} from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { type Got, hashOf } from '../fixtures/reference-task.js';
import { fixture, openable, outcomesOf, withSession } from '../support.js';

/** A test writes documents without their places in the run. */
type Form = Omit<Document, 'index'> | Omit<DocumentByPath, 'index'> | Omit<DocumentByReference, 'index'>;

const onLinux = { skip: process.platform !== 'linux' };
const [sequential] = (await openable(entries.slice(0, 1))) as [Strategy];
const folder = mkdtempSync(join(tmpdir(), 'forkwise-references-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
/** Writes a file with a new name, and returns its path. */
export function fileOf(content: Uint8Array | string): string {
  const path = join(folder, `file ${files++}.txt`);
  writeFileSync(path, content);
  return path;
}

export function numbered(forms: readonly Form[]): AnyDocument[] {
  return forms.map((form, index) => ({ index, ...form }));
}

/** Returns bytes that differ from place to place. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 8);
  return bytes;
}

/** Tests documents by path and by reference.  */
export function describeReferences(strategy: Strategy): void {
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

    it('reads files as if their bytes had been given', async () => {
      const sizes = [0, 1, 10_000, 2 ** 21 + 1, 4_500_001, 300];
      const contents = sizes.map(pattern);
      const paths = contents.map(fileOf);
      const link = join(folder, `link-${files++}`);
      symlinkSync(paths[2] as string, link);
      const huge = fileOf('');
      truncateSync(huge, 24 * 2 ** 20); // it is larger than an arena
      const own = numberedForms('path', [...paths, link, Buffer.from(paths[2] as string)]);
      const bytes = contents.map((bytes, i) => ({ id: `bytes${i}`, size: bytes.length, bytes }));
      const mixed = own.flatMap((form, i) => [form, ...bytes.slice(i, i + 1)]);
      const outcomes = await run([...mixed, { id: 'huge', path: huge }]);
      assert.equal((okValue(outcomes.at(-1) as Outcome) as Got).size, 24 * 2 ** 20);
      const byId = new Map(outcomes.map((outcome) => [outcome.id, outcome]));
      for (const [i, bytes] of contents.entries()) {
        const got = { hash: hashOf(bytes), size: bytes.length, isAlone: true };
        const [read, given] = [byId.get(`path${i}`) as Outcome, byId.get(`bytes${i}`) as Outcome];
        assert.deepEqual([okValue(read), okValue(given)], [got, got]);
        assert.deepEqual([read.size, read.mtimeMs], [bytes.length, statSync(paths[i] as string).mtimeMs]);
        assert.equal('size' in given || 'mtimeMs' in given, false, 'they are not for documents with bytes');
        assert.equal(bytes.length, sizes[i], 'the caller keeps its bytes');
      }
      for (let i = contents.length; i < own.length; i++)
        assert.deepEqual(okValue(byId.get(`path${i}`) as Outcome), okValue(byId.get('path2') as Outcome));
    });

    it('reads files whose names are no UTF-8', onLinux, async () => {
      const places = [
        Buffer.from('caf\xe9.txt', 'latin1'),
        Buffer.from([0xff, 0xfe, 0x80]),
        Buffer.from('ñ€'),
      ];
      const paths = places.map((name) => Buffer.concat([Buffer.from(`${folder}/`), name]));
      for (const [i, path] of paths.entries()) writeFileSync(path, `content ${i}`);
      const outcomes = await run(paths.map((path, i) => ({ id: `text${i}`, path })));
      assert.deepEqual(outcomes.map(okValue), ['content 0', 'content 1', 'content 2']);
    });

    it('takes a relative path from the folder in which the caller is by then', async () => {
      const path = fileOf('here');
      const forms = [basename(path), Buffer.from(basename(path))].map((path, i) => ({
        id: `text${i}`,
        path,
      }));
      const from = process.cwd();
      process.chdir(folder);
      try {
        assert.deepEqual((await run(forms)).map(okValue), ['here', 'here']);
      } finally {
        process.chdir(from);
      }
    });

    it('reads a file to its end that says another size than it has', onLinux, async () => {
      // The system says that the first has 4096 bytes and the second none; both have a line.
      const paths = ['/sys/class/net/lo/mtu', '/proc/version'].filter((path) => existsSync(path));
      const outcomes = await run(paths.map((path, i) => ({ id: `text${i}`, path, size: 7 })));
      for (const [i, path] of paths.entries()) {
        const text = readFileSync(path, 'utf8');
        assert.deepEqual([okValue(outcomes[i] as Outcome), outcomes[i]?.size], [text, text.length], path);
      }
    });

    it('reads a file that grows and shrinks as what was there', async () => {
      const full = pattern(100_000);
      const path = fileOf(full);
      const end = changeAgainAndAgain(path, full);
      const outcomes = await run(Array.from({ length: 60 }, (_, i) => ({ id: `content${i}`, path })));
      await end();
      for (const outcome of outcomes) {
        const bytes = okValue(outcome) as Uint8Array;
        assert.equal(bytes.length, outcome.size);
        // The system may fill with zeros what a file loses while it is read.
        const wrong = bytes.findIndex((byte, at) => byte !== full[at] && byte !== 0);
        assert.equal(wrong, -1, `byte ${wrong} of ${bytes.length} was never in the file`);
      }
    });

    it('fails what it cannot read, with the code and the path', {
      skip: process.platform === 'win32',
    }, async () => {
      const unreadable = unreadableFiles();
      const forms = unreadable.flatMap(({ path }, i) => [
        { id: `bad${i}`, path },
        { id: `good${i}`, path: fileOf('good') },
      ]);
      const outcomes = await run(forms);
      const expected = await withSession(
        sequential,
        fixture('reference-task'),
        { delivery: 'reference' },
        (session) => outcomesOf(session, numbered(forms), forms.length),
      );
      for (const [i, { path, code, message }] of unreadable.entries()) {
        const [bad, good] = [outcomes[2 * i] as Outcome, outcomes[2 * i + 1] as Outcome];
        assert.equal(good.status, 'ok');
        assert.equal(bad.status, 'failed', String(path));
        assert.equal('size' in bad, false);
        const error = errorOf(bad);
        assert.equal(error.code, code, JSON.stringify(error));
        assert.match(error.message, message ?? /./);
        assert.ok(error.message.includes(String(path).split('\0')[0] as string), error.message);
        assert.deepEqual(error, errorOf(expected[2 * i] as Outcome), 'it is the same in every strategy');
      }
    });

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

    it('fails what `resolve` does not give', async () => {
      const references: [unknown, RegExp][] = [
        [{ by: 'throw' }, /^RangeError: no such key$/],
        [{ by: 'reject' }, /^RangeError: came later$/],
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

    it('takes no references in a session that was opened with another delivery', async () => {
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

    it('counts reading as the time of the document', async () => {
      const forms = Array.from({ length: 12 }, (_, i) =>
        i === 5 ? { id: 'a', reference: { by: 'never' } } : { id: `b${i}`, path: fileOf('b') },
      );
      const outcomes = await outcomesOfForms([...forms, { id: 'c', reference: { by: 'wait', text: '60' } }], {
        timeoutMs: 1500,
      });
      for (const { id, status } of outcomes) assert.equal(status, id === 'a' ? 'timed-out' : 'ok', id);
      assert.ok((outcomes.at(-1)?.taskMs as number) > 50);
    });

    it('ends a `resolve` that is cancelled, and no other document', async () => {
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

    it('gives every document that it has pulled its outcome when it closes early', async () => {
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

    it('leaves no descriptor open', onLinux, async () => {
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
    it('reads a document again whose worker has ended', async () => {
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

    it('gives a document up that ends its workers or takes too long', async () => {
      const forms: Form[] = Array.from({ length: 40 }, (_, i) => ({ id: `a${i}`, path: fileOf('a') }));
      forms[11] = { id: 'exit11', path: fileOf('b') };
      forms[23] = { id: 'c', reference: { by: 'exit' } };
      forms[35] = { id: 'd', reference: { by: 'loop' } };
      const outcomes = await outcomesOfForms(forms, { timeoutMs: 1500 });
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

interface Unreadable {
  readonly path: string;
  readonly code?: string;
  readonly message?: RegExp;
}

/** Makes one file of every kind that cannot be read. */
export function unreadableFiles(): Unreadable[] {
  const place = mkdtempSync(join(folder, 'unreadable-'));
  const at = (name: string) => join(place, name);
  mkdirSync(at('folder'));
  symlinkSync(at('nowhere'), at('dangling'));
  symlinkSync(at('circle'), at('circle'));
  execFileSync('mkfifo', [at('pipe')]);
  closeSync(openSync(at('huge'), 'w'));
  truncateSync(at('huge'), 3 * 2 ** 30); // a hole, which takes no space
  writeFileSync(at('secret'), 'secret', { mode: 0 });
  const noFile = /^expected a regular file, got a folder, a pipe, a socket or a device: /;
  return [
    { path: at('missing'), code: 'ENOENT' },
    { path: at('missing/file'), code: 'ENOENT' },
    { path: at('secret/file'), code: 'ENOTDIR' },
    { path: at('dangling'), code: 'ENOENT' },
    { path: at('circle'), code: 'ELOOP' },
    { path: at('x'.repeat(300)), code: 'ENAMETOOLONG' },
    { path: at('null\0byte'), code: 'ERR_INVALID_ARG_VALUE', message: /without a null byte: / },
    { path: at('folder'), message: noFile },
    { path: at('pipe'), message: noFile },
    { path: '/dev/zero', message: noFile },
    { path: at('huge'), message: /greater than 2 GiB/ },
    ...(process.getuid?.() === 0 ? [] : [{ path: at('secret'), code: 'EACCES' }]),
    // The first can be opened and not read; not even root may open the second.
    ...(process.platform === 'linux'
      ? [
          { path: '/proc/self/mem', code: 'EIO' },
          ...(isOpen('/proc/1/mem') ? [] : [{ path: '/proc/1/mem', code: 'EACCES' }]),
        ]
      : []),
  ];
}

function isOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Shortens the file and fills it again, in a thread; returns a function that ends this. */
function changeAgainAndAgain(path: string, content: Uint8Array): () => Promise<unknown> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { openSync, ftruncateSync, writeSync, closeSync } = require('node:fs');
    const { path, content, stop } = require('node:worker_threads').workerData;
    const file = openSync(path, 'r+');
    for (let round = 1; Atomics.load(stop, 0) === 0; round++) {
      const length = (round * 7919) % content.length;
      ftruncateSync(file, length);
      for (let at = length; at < content.length; at += 10_000)
        writeSync(file, content, at, Math.min(10_000, content.length - at), at);
    }
    closeSync(file);
  `;
  const thread = new Worker(code, { eval: true, workerData: { path, content, stop } });
  const ended = new Promise((resolve, reject) => thread.once('exit', resolve).once('error', reject));
  return () => {
    Atomics.store(stop, 0, 1);
    return ended;
  };
}

function numberedForms(name: string, paths: readonly (string | Uint8Array)[]): Form[] {
  return paths.map((path, i) => ({ id: `${name}${i}`, path }));
}

export function okValue(outcome: Outcome): unknown {
  return outcome.status === 'ok'
    ? outcome.value
    : assert.fail(`${outcome.id}: ${JSON.stringify(outcome.error)}`);
}

function errorOf(outcome: Outcome): TaskError {
  return outcome.status === 'ok' ? assert.fail(`expected "${outcome.id}" to fail`) : outcome.error;
}
