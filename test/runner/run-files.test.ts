import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { type NamedFile, runFiles } from '../../runner/run-files.js';
import type { Delivery, Outcome } from '../../strategies/strategy.js';
import { Puppet } from './puppet.js';

describe('runFiles', () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-run-files-'));
  after(() => rmSync(folder, { recursive: true }));
  const files = Array.from({ length: 5 }, (_, i): NamedFile => {
    const path = join(folder, `${i}.txt`);
    writeFileSync(path, 'x'.repeat(i));
    return { id: `file ${i}`, path };
  });
  const seen: number[] = [];
  const run = (puppet: Puppet, delivery: Delivery, source: Iterable<NamedFile>, signal?: AbortSignal) => {
    puppet.takesReferences = delivery === 'reference';
    const facts = { strategy: 'puppet', workers: 2, delivery, see: (bytes: number) => void seen.push(bytes) };
    const outcomes: Outcome[] = [];
    const ended = runFiles({ session: puppet.session, facts }, source, {
      signal: signal ?? new AbortController().signal,
      onOutcome: (outcome) => void outcomes.push(outcome),
    });
    return { outcomes, ended };
  };

  it('begins another run when a document crashes because there is no worker', async () => {
    const puppet = new Puppet({ most: 1 });
    const { outcomes, ended } = run(puppet, 'reference', files);
    for (const [i, answer] of ['ok', 'crash', 'ok', 'ok', 'ok'].entries()) {
      while (puppet.pulled.length <= i) await turn();
      const document = puppet.pulled[i] as (typeof puppet.pulled)[number];
      if (answer === 'ok') puppet.ok(document);
      else puppet.crash(document);
    }
    await ended;
    assert.equal(puppet.runs, 2);
    assert.deepEqual(
      outcomes.map(({ index, id, status }) => [index, id, status]),
      files.map(({ id }, i) => [i, id, i === 1 ? 'crashed' : 'ok']),
    );
  });

  it('goes on in the same run when a document has ended its workers', async () => {
    const puppet = new Puppet();
    const { ended } = run(puppet, 'reference', files);
    while (puppet.pulled.length < files.length) await turn();
    for (const document of puppet.pulled) puppet.crash(document, 2);
    await ended;
    assert.equal(puppet.runs, 1);
  });

  it('reads the files where workers do not, and says what was read', async () => {
    seen.length = 0;
    const missing = { id: 'missing', path: join(folder, 'missing') };
    const puppet = new Puppet({ prompt: true });
    const { outcomes, ended } = run(puppet, 'clone', [...files.slice(0, 2), missing, ...files.slice(2)]);
    await ended;
    outcomes.sort((a, b) => a.index - b.index);
    assert.deepEqual(
      puppet.pulled.map(({ bytes }) => bytes.length),
      [0, 1, 2, 3, 4],
    );
    assert.deepEqual(
      outcomes.map(({ id, status, size, mtimeMs }) => [id, status, size, mtimeMs]),
      [files[0], files[1], null, files[2], files[3], files[4]].map((file, i) =>
        file == null
          ? ['missing', 'failed', undefined, undefined]
          : [file.id, 'ok', i < 2 ? i : i - 1, statSync(file.path).mtimeMs],
      ),
    );
    assert.deepEqual(seen, [0, 1, 2, 3, 4]);
  });

  it('throws what the source throws, after the outcomes of earlier files', async () => {
    function* source() {
      yield files[0] as NamedFile;
      throw new Error('source broken');
    }
    const { outcomes, ended } = run(new Puppet({ prompt: true }), 'reference', source());
    await assert.rejects(ended, /source broken/);
    assert.equal(outcomes.length, 1);
  });

  it('throws the reason of an abort at once, and discards later outcomes', async () => {
    const puppet = new Puppet({ most: 1 });
    const controller = new AbortController();
    const { outcomes, ended } = run(puppet, 'reference', files, controller.signal);
    while (puppet.pulled.length === 0) await turn();
    controller.abort(new Error('no room'));
    await assert.rejects(ended, /no room/);
    puppet.ok(puppet.pulled[0] as (typeof puppet.pulled)[number]);
    await puppet.session.close();
    assert.deepEqual([outcomes.length, puppet.pulled.length], [0, 1]);
  });
});
