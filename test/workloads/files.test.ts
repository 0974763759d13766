import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { corpusHash, findFiles, notSampled, sampleFiles } from '../../workloads/documents.js';
import { byteString, fsPath, nameText } from '../../workloads/file-names.js';
import { listFiles } from '../../workloads/files.js';
import { readRegularFile } from '../../workloads/read-file.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'forkwise-test-')));
after(() => rmSync(root, { recursive: true, force: true }));
const onLinux = { skip: process.platform !== 'linux' };

let count = 0;
/** Makes a folder with these files; each file's text is its own path. */
function folderOf(...files: (string | Buffer)[]): string {
  const folder = join(root, `tree-${count++}`, 'inbox');
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    if (typeof file === 'string') mkdirSync(join(folder, file, '..'), { recursive: true });
    const path =
      typeof file === 'string' ? join(folder, file) : Buffer.concat([Buffer.from(`${folder}/`), file]);
    writeFileSync(path, String(file));
  }
  return folder;
}

const idsIn = (pattern: string) => listFiles(pattern).files.map(({ id }) => id);

describe('an id', () => {
  it('is the name of the root and the path below, however the folder was typed', () => {
    const folder = folderOf('a.md', 'deep/er/b.md', '.hidden');
    const link = join(root, 'by-link');
    symlinkSync(folder, link);
    const expected = ['inbox/.hidden', 'inbox/a.md', 'inbox/deep/er/b.md'];
    for (const typed of [
      folder,
      `${folder}/`,
      relative(process.cwd(), folder),
      `./${relative(process.cwd(), folder)}//`,
      join(folder, 'deep', '..'),
      link,
    ])
      assert.deepEqual(idsIn(typed), expected, typed);
    assert.deepEqual(idsIn(`${folder}/**/*.md`), expected.slice(1));
    assert.deepEqual(idsIn(`${link}/*.md`), ['inbox/a.md']);
    assert.deepEqual(idsIn(`${folder}/deep/**`), ['deep/er/b.md']); // the fixed part is the root
    assert.deepEqual(idsIn(join(folder, 'a.md')), ['inbox/a.md']);
    for (const typed of [folder, `${link}/*.md`, join(folder, 'a.md')])
      assert.equal(listFiles(typed).root, folder);
  });

  it('has a text of its own for every name', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
        const [x, y] = [a, b].map((bytes) => Buffer.from(bytes).toString('latin1')) as [string, string];
        assert.equal(nameText(x) === nameText(y), x === y);
        assert.deepEqual(Buffer.from(fsPath(x)).toString('latin1'), x);
      }),
    );
    assert.equal(nameText(byteString('Größe 100%.txt')), 'Größe 100%25.txt');
  });

  it('tells names apart that are no UTF-8, and their files are read', onLinux, async () => {
    const names = [
      [0x66, 0xfc, 0x72],
      [0x66, 0xfb, 0x72],
      [0xe2, 0x82, 0xac],
      [0xe2, 0x82],
      [0x25, 0x46],
    ];
    const folder = folderOf(...names.map((bytes) => Buffer.from(bytes)));
    const { files } = listFiles(folder);
    assert.deepEqual(
      files.map(({ id }) => id),
      ['inbox/%25F', 'inbox/%E2%82', 'inbox/f%FBr', 'inbox/f%FCr', 'inbox/€'],
    );
    for (const { path, size } of files) assert.equal((await readRegularFile(path)).bytes.length, size);
    assert.deepEqual(idsIn(`${folder}/f*`), ['inbox/f%FBr', 'inbox/f%FCr']);
    assert.deepEqual(idsIn(`${folder}/[€]`), ['inbox/€']);
  });
});

describe('a pattern', () => {
  it('means the folder or file of that name where there is one', () => {
    const folder = folderOf(
      '2023 [old]/x (1).txt',
      '2023 [old]/x 1.txt',
      '{a,b}/y.txt',
      'sub/2023 [old]/z.txt',
    );
    assert.deepEqual(idsIn(`${folder}/2023 [old]/*.txt`), ['2023 [old]/x (1).txt', '2023 [old]/x 1.txt']);
    assert.deepEqual(idsIn(`${folder}/2023 [old]/x (1).txt`), ['2023 [old]/x (1).txt']);
    assert.deepEqual(idsIn(`${folder}/{a,b}`), ['{a,b}/y.txt']);
    assert.deepEqual(idsIn(`${folder}/*/2023 [old]/z.txt`), ['inbox/sub/2023 [old]/z.txt']);
    assert.deepEqual(idsIn(`${folder}/sub/2023 \\[old\\]/*`), ['2023 [old]/z.txt']);
  });

  it('is a glob otherwise', () => {
    const folder = folderOf('a/1.md', 'a/b/2.md', 'c/3.txt', '.git/4.md', 'a/.5.md');
    assert.deepEqual(idsIn(`${folder}/**/*.md`), ['inbox/a/1.md', 'inbox/a/b/2.md']);
    assert.deepEqual(idsIn(`${folder}/*/*.md`), ['inbox/a/1.md']);
    assert.deepEqual(idsIn(`${folder}/{a,c}/*`), ['inbox/a/1.md', 'inbox/c/3.txt']);
    assert.deepEqual(idsIn(`${folder}/{a/b,c}/*`), ['inbox/a/b/2.md', 'inbox/c/3.txt']);
    assert.deepEqual(idsIn(`${folder}/**/.5.md`), ['inbox/a/.5.md']);
    assert.deepEqual(idsIn(`${folder}/.*/*.md`), ['inbox/.git/4.md']);
    for (const none of [`${folder}/nothing`, `${folder}/nothing/*`, `${folder}/*.pdf`])
      assert.throws(
        () => listFiles(none),
        /expected a folder with files or a glob that matches some, found none/,
      );
  });
});

describe('what is no document', onLinux, () => {
  it('is left out and counted: pipes, devices, links that lead nowhere or in a circle', () => {
    const folder = folderOf('one.xml', 'here/two.xml', 'there/three.xml');
    execFileSync('mkfifo', [join(folder, 'fifo.xml')]);
    const links = {
      'null.xml': '/dev/null',
      'to-fifo.xml': 'fifo.xml',
      'gone.xml': 'nothing/at/all',
      'self.xml': 'self.xml',
      'here/self': '.',
      'here/above-the-root': '../../..',
      'here/there': '../there',
      'there/here': '../here',
      'again.xml': 'one.xml',
    };
    for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
    const { files, leftOut } = listFiles(folder);
    assert.deepEqual(
      files.map(({ id }) => id),
      [
        'inbox/again.xml',
        'inbox/here/there/three.xml',
        'inbox/here/two.xml',
        'inbox/one.xml',
        'inbox/there/here/two.xml',
        'inbox/there/three.xml',
      ],
    );
    // Each of the two folders that link to each other is met twice, with its links back.
    assert.deepEqual(leftOut, { special: 3, dangling: 2, circular: 6 });
    assert.throws(
      () => listFiles(join(folder, 'fifo.xml')),
      /found none \(left out: 1 entry that is no regular/,
    );
  });

  it('is not waited for when it takes the place of a file', async () => {
    const pipe = join(folderOf(), 'pipe');
    execFileSync('mkfifo', [pipe]);
    await assert.rejects(readRegularFile(pipe), /expected a regular file/);
    await assert.rejects(readRegularFile('/dev/zero'), /expected a regular file/);
    assert.ok((await readRegularFile('/proc/self/status')).bytes.length > 100); // says that it is empty
  });

  it('does not end a sample: what cannot be read is left out or replaced, and named', async () => {
    const folder = folderOf('1', '22', '333', '4444', '55555');
    truncateSync(join(folder, '4444'), 3 * 2 ** 30);
    symlinkSync('4444', join(folder, 'link'));
    const list = await findFiles(folder);
    assert.deepEqual(
      list.files.map(({ id }) => id),
      ['inbox/1', 'inbox/22', 'inbox/333', 'inbox/55555'],
    );
    rmSync(join(folder, '55555')); // after it was found
    const { documents } = await sampleFiles(list, { count: 4, seed: 3 });
    assert.deepEqual(documents.map(({ id }) => id).sort(), ['inbox/1', 'inbox/22', 'inbox/333']);
    assert.deepEqual(
      documents.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.match(
      notSampled(list) as string,
      /^left out of the documents: 3 files that cannot be read, such as "inbox\/4444" \(its size .* 2 GiB/,
    );
    for (let seed = 1; seed < 9; seed++)
      assert.equal((await sampleFiles(list, { count: 2, seed })).documents.length, 2);
  });
});

it('the hash of a corpus depends on contents and sizes, not on where they are', async () => {
  const hashOf = async (folder: string) =>
    corpusHash(await sampleFiles(await findFiles(folder), { count: 9, seed: 1 }));
  const [a, b] = [folderOf('x', 'yy'), folderOf('x', 'yy')];
  assert.equal(await hashOf(a), await hashOf(b));
  assert.match(await hashOf(a), /^v2:[0-9a-f]{64}$/);
  writeFileSync(join(b, 'x'), 'z');
  assert.notEqual(await hashOf(a), await hashOf(b));
});

it('a file has the state that it had when it was read', async () => {
  const path = join(folderOf('a'), 'a');
  const { bytes, state } = await readRegularFile(path);
  const { size, mtimeMs } = statSync(path);
  assert.deepEqual([bytes.length, state], [size, { size, mtimeMs }]);
});
