import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type FileItem, type FileRead, FileReader } from '../../strategies/session/file-reader.js';
import { ready } from '../../strategies/session/source.js';

const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Makes sparse files of this size. */
function filesOf(count: number, size: number): { readonly path: string }[] {
  const folder = mkdtempSync(join(root, 'docs-'));
  return Array.from({ length: count }, (_, i) => {
    const path = join(folder, `${i}.bin`);
    writeFileSync(path, '');
    truncateSync(path, size);
    return { path };
  });
}

async function* later<Item>(items: Iterable<Item>) {
  for (const item of items) {
    await turn();
    yield item;
  }
}

type Next<Item extends FileItem> = IteratorResult<FileRead<Item>>;
const sizeOf = <Item extends FileItem>(next: Next<Item>) => (next.value as FileRead<Item>).bytes?.length;
/** Says whether a call of `next` still waits after the reads that may be in progress. */
async function waits(next: Promise<unknown>): Promise<boolean> {
  let isWaiting = true;
  next.finally(() => {
    isWaiting = false;
  });
  for (let i = 0; i < 200 && isWaiting; i++) await turn();
  return isWaiting;
}

describe('the reader of files', () => {
  for (const [kind, sourceOf] of [
    ['an iterable', (items: FileItem[]) => items],
    ['an async iterable', (items: FileItem[]) => later(items)],
  ] as const)
    it(`gives everything in the order of ${kind}, also what cannot be read`, async () => {
      const small = filesOf(40, 1000);
      const large = filesOf(20, 600_000);
      const items: FileItem[] = small.flatMap((file, i) => [
        file,
        ...(i < large.length ? [large[i] as FileItem] : []),
        ...(i % 9 === 0
          ? [{ path: join(root, 'missing') }, { bytes: new Uint8Array(7) }, { path: root }]
          : []),
      ]);
      const reader = new FileReader(sourceOf(items), { workers: 2 });
      const found: FileItem[] = [];
      for await (const { item, bytes, state, cause } of reader) {
        found.push(item);
        if (bytes !== null) reader.settle(bytes.length, 0.1);
        if (bytes !== null) assert.equal(bytes.buffer.byteLength, bytes.length);
        if ('bytes' in item) assert.equal(bytes, item.bytes);
        else if (item.path === root) assert.match(String(cause), /expected a regular file/);
        else if (cause !== null) assert.equal((cause as NodeJS.ErrnoException).code, 'ENOENT');
        else assert.equal(state?.size, bytes.length);
      }
      assert.deepEqual(found, items);
    });

  it('says what state a file had', async () => {
    const [file] = filesOf(1, 5);
    utimesSync(file?.path as string, 1, 2);
    const reader = new FileReader([file as FileItem], { workers: 1 });
    const { value } = await reader.next();
    assert.deepEqual(value.state, { size: 5, mtimeMs: 2000 });
  });

  it('gives small files without a promise', () => {
    const reader = new FileReader(filesOf(5, 10), { workers: 1 });
    let count = 0;
    for (let next = reader[ready](); next?.done === false; next = reader[ready]()) count++;
    assert.ok(count > 0); // a file that took long to read is waited for
  });

  it('holds at most workers + 2 large documents that have no outcome', async () => {
    const reader = new FileReader(filesOf(7, 45_000_000), { workers: 1 });
    for (let i = 0; i < 3; i++) assert.equal(sizeOf(await reader.next()), 45_000_000);
    for (let i = 3; i < 7; i++) {
      const next = reader.next();
      assert.ok(await waits(next));
      reader.settle(45_000_000, 1);
      assert.equal(sizeOf(await next), 45_000_000);
    }
    for (let i = 0; i < 3; i++) reader.settle(45_000_000, 1);
    assert.equal((await reader.next()).done, true);
  });

  it('answers several callers that wait at the same time, in their order', async () => {
    const files = filesOf(12, 400_000);
    const reader = new FileReader(files, { workers: 2 });
    const nexts = await Promise.all(Array.from({ length: 14 }, () => reader.next()));
    assert.deepEqual(
      nexts.map(({ done, value }) => (done ? null : value.item)),
      [...files, null, null],
    );
  });

  it('gives nothing after its end, whatever is being read', async () => {
    const reader = new FileReader(filesOf(7, 45_000_000), { workers: 1 });
    const waiting = [reader.next(), reader.next()];
    await reader.return();
    for (const next of waiting) assert.equal((await next).done, true);
    assert.equal((await reader.next()).done, true);
  });

  it('throws what its source throws, after the files before it', async () => {
    const [file] = filesOf(1, 300_000);
    function* source() {
      yield file as FileItem;
      throw new RangeError('of the source');
    }
    for (const given of [source(), later(source())]) {
      const reader = new FileReader(given, { workers: 1 });
      assert.equal(sizeOf(await reader.next()), 300_000);
      await assert.rejects(reader.next(), /of the source/);
      assert.equal((await reader.next()).done, true);
    }
  });
});
