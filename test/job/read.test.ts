import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { JobReader } from '../../bench/job/read.js';
import { listFiles } from '../../workloads/files.js';

const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(root, { recursive: true, force: true }));

/** Makes sparse files of this size. */
function filesOf(count: number, size: number) {
  const folder = mkdtempSync(join(root, 'docs-'));
  for (let i = 0; i < count; i++) {
    const path = join(folder, `${String(i).padStart(3, '0')}.bin`);
    writeFileSync(path, '');
    truncateSync(path, size);
  }
  return listFiles(folder).files;
}

function readerOf(files: ReturnType<typeof filesOf>, workers: number) {
  const stop = new AbortController();
  const reader = new JobReader(files, { workers, stop: stop.signal, unreadable: assert.fail });
  return { reader, stop };
}

const turns = (ms: number) => new Promise<'waits'>((resolve) => setTimeout(resolve, ms, 'waits'));

it('large documents are read when earlier ones have their outcomes: workers + 2 at most', async () => {
  const { reader } = readerOf(filesOf(7, 45_000_000), 1);
  const documents = reader.documents();
  const given: string[] = [];
  for (let i = 0; i < 3; i++) given.push((await documents.next()).value?.id as string);
  const fourth = documents.next();
  assert.equal(await Promise.race([fourth, turns(100)]), 'waits');
  assert.deepEqual(Object.keys(reader.release(given[1] as string)), ['size', 'mtimeMs']);
  given[1] = (await fourth).value?.id as string;
  for (let left = 3; left > 0; left--) {
    reader.release(given.shift() as string);
    given.push((await documents.next()).value?.id as string);
  }
  assert.equal((await documents.next()).done, true);
  assert.equal(new Set(given).size, 3);
});

it('small documents are not held back', async () => {
  const { reader } = readerOf(filesOf(200, 1000), 1);
  let count = 0;
  for await (const { bytes } of reader.documents()) count += bytes.length / 1000;
  assert.equal(count, 200);
});

it('after the stop no document comes, whatever is waited for', async () => {
  const { reader, stop } = readerOf(filesOf(7, 45_000_000), 1);
  const documents = reader.documents();
  for (let i = 0; i < 3; i++) await documents.next();
  const fourth = documents.next();
  stop.abort();
  assert.equal((await fourth).done, true);
});
