import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { it } from 'node:test';
import { strategies as entries } from '../../../strategies/index.js';
import type { Outcome, Strategy } from '../../../strategies/strategy.js';
import { type Got, hashOf } from '../../fixtures/tasks/reference-task.js';
import { errorOf, fixture, openable, outcomesOf, withSession } from '../../support.js';
import {
  changeAgainAndAgain,
  type Form,
  fileOf,
  folder,
  numbered,
  numberedForms,
  okValue,
  onLinux,
  pattern,
  unreadableFiles,
} from './reference-files.js';

const [sequential] = (await openable(entries.slice(0, 1))) as [Strategy];

/** Tests the reading of files. `run` runs documents in one session of the strategy. */
export function itReadsFiles(run: (forms: readonly Form[]) => Promise<Outcome[]>): void {
  it('reads files as if their bytes had been given', async () => {
    const sizes = [0, 1, 10_000, 2 ** 21 + 1, 4_500_001, 300];
    const contents = sizes.map(pattern);
    const paths = contents.map(fileOf);
    const link = `${fileOf('')}-link`;
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
    const places = [Buffer.from('caf\xe9.txt', 'latin1'), Buffer.from([0xff, 0xfe, 0x80]), Buffer.from('ñ€')];
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
}
