import assert from 'node:assert/strict';
import fs, {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RunError } from '../../bench/errors.js';
import { lineOf } from '../../bench/job/line.js';
import { Shards } from '../../bench/job/shards/shards.js';
import { root } from './job.js';
import { assertComplete, readShardFolder } from './shard-folder.js';

const job = {
  task: { file: '/task.mjs', export: 'default', sha256: '0'.repeat(64) },
  docs: 'docs',
  root: '/docs',
};
const open = (folder: string, { limit = 300, compression = 'none' as 'none' | 'gzip' } = {}) =>
  new Shards(folder, job, { forkwise: '0', limit, compression, failed() {}, written() {} });

const count = 20;
const ids = Array.from({ length: count }, (_, i) => `docs/${i}`);
const fails = (id: string) => Number(id.slice(5)) % 7 === 3;
const lineFor = (id: string) =>
  lineOf(
    id,
    fails(id)
      ? { id, status: 'failed', error: { name: 'Error', message: 'é' } }
      : ({ status: 'ok', value: 'ü'.repeat(20) } as Parameters<typeof lineOf>[1]),
    null,
  );

/** Runs the documents that have no line. @returns the number of these */
function goOn(folder: string, options?: Parameters<typeof open>[1]): number {
  const shards = open(folder, options);
  const left = ids.filter((id) => shards.tally.done.find(id) === null);
  for (const id of left) shards.append(lineFor(id));
  shards.finish(true);
  shards.close();
  return left.length;
}

const newFolder = () => join(mkdtempSync(join(root, 'shards-')), 'out');

/** A complete folder, from which tests make others. */
const whole = newFolder();
goOn(whole);
const manifestText = readFileSync(join(whole, 'manifest.ndjson'), 'utf8');
const listed = manifestText
  .split('\n')
  .slice(0, -1)
  .map((line) => JSON.parse(line) as { name: string; documents: number });

function copyOfWhole(): string {
  const folder = newFolder();
  cpSync(whole, folder, { recursive: true });
  return folder;
}

describe('shards go on', () => {
  it('whatever a killed process has left: a torn manifest, temporary files, an unlisted shard', () => {
    const name = fc
      .tuple(fc.integer({ min: 0, max: listed.length + 1 }), fc.constantFrom('', '.gz', '.zst'))
      .map(([number, ending]) => `shard.${String(number).padStart(5, '0')}.ndjson${ending}.tmp`);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: listed.length }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.boolean(),
        fc.uniqueArray(name, { maxLength: 3 }),
        fc.uint8Array({ maxLength: 50 }),
        fc.constantFrom('none' as const, 'gzip' as const),
        (kept, torn, hasUnlisted, temporary, garbage, compression) => {
          const folder = copyOfWhole();
          const lines = manifestText.split('\n');
          const next = lines[kept] || '{"name":"shard.0';
          const before = lines.slice(0, kept).map((line) => `${line}\n`);
          writeFileSync(
            join(folder, 'manifest.ndjson'),
            before.join('') + next.slice(0, Math.floor(torn * next.length)),
          );
          // A process writes one shard after the other: it may have named the next one and no later one.
          for (const { name } of listed.slice(kept + (hasUnlisted ? 1 : 0))) rmSync(join(folder, name));
          rmSync(join(folder, 'index.json'));
          for (const name of temporary) writeFileSync(join(folder, name), garbage);
          appendFileSync(join(folder, 'failed.ndjson'), '{"id":"docs/');
          const lost = listed.slice(kept).reduce((sum, { documents }) => sum + documents, 0);
          assert.equal(goOn(folder, { compression }), lost);
          assertComplete(folder, ids);
          rmSync(folder, { recursive: true });
        },
      ),
      { numRuns: 30 },
    );
  });

  it('wherever the last line of the manifest was torn', () => {
    const last = listed.at(-1)?.name as string;
    const lines = manifestText.split('\n').slice(0, -2);
    const base = copyOfWhole();
    rmSync(join(base, 'index.json'));
    rmSync(join(base, last));
    const lastLine = manifestText.split('\n').at(-2) as string;
    for (const length of [0, 1, lastLine.length - 1, lastLine.length]) {
      const folder = newFolder();
      cpSync(base, folder, { recursive: true });
      writeFileSync(join(folder, 'manifest.ndjson'), [...lines, lastLine.slice(0, length)].join('\n'));
      assert.equal(goOn(folder), listed.at(-1)?.documents);
      assertComplete(folder, ids);
    }
  });

  it('after a kill while documents were dropped to run again', () => {
    const again = 'docs/1';
    const drop = (shards: Shards) => {
      shards.tally.done.markAgain(shards.tally.done.find(again) as number);
      shards.dropAgain();
    };
    const dropped = copyOfWhole();
    const shards = open(dropped);
    drop(shards);
    shards.close();
    const after = readShardFolder(dropped);
    assert.equal(after.lines.length, readShardFolder(whole).lines.length - 1);
    const created = after.files.filter(
      (name) => name.startsWith('shard') && !listed.some((l) => l.name === name),
    );
    assert.equal(created.length, 1);
    // Before the manifest names the new shard, and before the old one is removed.
    const early = copyOfWhole();
    cpSync(join(dropped, created[0] as string), join(early, created[0] as string));
    const late = newFolder();
    cpSync(dropped, late, { recursive: true });
    cpSync(join(whole, listed[0]?.name as string), join(late, listed[0]?.name as string));
    for (const [folder, left] of [
      [early, 0],
      [late, 1],
      [dropped, 1],
    ] as const) {
      assert.equal(goOn(folder), left);
      assertComplete(folder, ids);
    }
  });
});

/** The disk is full after this number of bytes, in the middle of a write. */
function withFullDisk(bytes: number, work: () => void): void {
  const { writeSync } = fs;
  let left = bytes;
  fs.writeSync = ((file: number, data: Buffer, offset: number, length: number, position: number) => {
    if (left === 0 && length > 0)
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    const part = Math.min(left, length);
    left -= part;
    return writeSync(file, data, offset, part, position);
  }) as typeof fs.writeSync;
  syncBuiltinESMExports();
  try {
    work();
  } finally {
    fs.writeSync = writeSync;
    syncBuiltinESMExports();
  }
}

describe('a disk that is full', () => {
  it('ends the job at any byte, with whole shards, and the job goes on later', () => {
    let sawAll = false;
    for (let bytes = 0; !sawAll; bytes += 211) {
      const folder = newFolder();
      const shards = open(folder);
      withFullDisk(bytes, () => {
        try {
          for (const id of ids) shards.append(lineFor(id));
          shards.finish(true);
          sawAll = true;
        } catch (cause) {
          assert.ok(cause instanceof RunError, String(cause));
          assert.match(cause.message, /cannot write .*ENOSPC.*the same command resumes the job/);
        }
        try {
          shards.close();
        } catch (cause) {
          assert.ok(cause instanceof RunError, String(cause));
        }
      });
      const { files, lines, failed } = readShardFolder(folder);
      assert.ok(!files.some((name) => /tmp|lock|new/.test(name)), `found ${files}`);
      assert.match(readFileSync(join(folder, 'manifest.ndjson'), 'utf8'), /^$|\n$/);
      assert.equal(goOn(folder), count - lines.length - failed.length);
      assertComplete(folder, ids);
    }
  });
});

describe('a folder of shards that is damaged', () => {
  const damages: [what: string, damage: (folder: string) => void, message: RegExp][] = [
    [
      'lost its manifest',
      (f) => rmSync(join(f, 'manifest.ndjson')),
      /has shards that ".*manifest\.ndjson" does not list: "shard\.00000\.ndjson" and \d more; put/,
    ],
    [
      'lost a part of its manifest',
      (f) => truncateSync(join(f, 'manifest.ndjson'), manifestText.length / 2),
      /does not list: "shard.*, or delete these shards: their documents then run again/,
    ],
    [
      'has a manifest with another line',
      (f) => appendFileSync(join(f, 'manifest.ndjson'), '{"name":"shard.00099.ndjson"}\n'),
      /manifest\.ndjson" is damaged: line \d+ is none that `forkwise run` writes/,
    ],
    [
      'has a shard that was changed',
      (f) => appendFileSync(join(f, 'shard.00001.ndjson'), '\n'),
      /00001\.ndjson" has changed since it was written: expected sha256 \w+, got \w+; put the file back/,
    ],
    [
      'lost a shard',
      (f) => rmSync(join(f, 'shard.00001.ndjson')),
      /00001\.ndjson" is in the manifest and cannot be read \(ENOENT.*its documents then run again/,
    ],
    [
      'has a damaged failure',
      (f) => appendFileSync(join(f, 'failed.ndjson'), 'not ours\n'),
      /failed\.ndjson" is damaged: line \d+ is none that/,
    ],
  ];
  for (const [what, damage, message] of damages)
    it(`that ${what} is not touched`, () => {
      const folder = copyOfWhole();
      damage(folder);
      const files = () =>
        readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
      const before = files().filter(([name]) => name !== 'manifest.ndjson' || what !== 'lost its manifest');
      assert.throws(() => open(folder), message);
      assert.deepEqual(files(), before);
    });

  it('may have other files beside its own', () => {
    const folder = copyOfWhole();
    writeFileSync(join(folder, 'notes.txt'), 'mine');
    assert.equal(goOn(folder), 0);
    assert.equal(readFileSync(join(folder, 'notes.txt'), 'utf8'), 'mine');
  });
});
