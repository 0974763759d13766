import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { readCorpus, writeCorpus } from '../../bench/trials/corpus-file.js';
import { freshFor, fromMemory, supplyOf } from '../../bench/trials/supply.js';
import { warmUp } from '../../bench/trials/warm-up.js';
import type { Delivery, DocumentByPath, Outcome, Session } from '../../strategies/strategy.js';
import { type CorpusDocument, refuseChanged } from '../../workloads/documents.js';
import type { Document } from '../../workloads/workload.js';

const inMemory = (count: number): Document[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    id: `document ${index}`,
    size: 1,
    bytes: new Uint8Array([index]),
  }));

/** A session that notes which documents each of its runs got. */
function noting(): { readonly runs: number[][]; readonly session: Session } {
  const runs: number[][] = [];
  const run: Session['run'] = async (documents, emit) => {
    const own: number[] = [];
    for await (const { index } of documents) {
      own.push(index);
      emit({} as Outcome);
    }
    runs.push(own);
  };
  return { runs, session: { run } as Session };
}

describe('a warm-up', () => {
  it('runs as many documents as it should, in corpus order, repeated as often as needed', async () => {
    const counts = { documents: fc.integer({ min: 1, max: 30 }), warm: fc.integer({ min: 0, max: 200 }) };
    await fc.assert(
      fc.asyncProperty(
        counts.documents,
        counts.warm,
        fc.integer({ min: 1, max: 8 }),
        async (n, warm, workers) => {
          const { runs, session } = noting();
          const fresh = freshFor('transfer', { changesBytes: false });
          const counted = await warmUp(session, fromMemory(inMemory(n), fresh), {
            warmupDocuments: warm,
            workers,
          });
          assert.equal(counted.documents, warm);
          assert.equal(counted.runs, runs.length);
          assert.deepEqual(
            runs.flat(),
            Array.from({ length: warm }, (_, i) => i % n),
          );
          assert.ok(runs.length <= 6);
          // Every run ends with idle workers, so no run is tiny where documents are few.
          if (runs.length > 1) assert.ok(runs.every((run) => run.length >= 4 * workers));
        },
      ),
    );
  });

  it('begins and ends several times where there are documents enough', async () => {
    const { runs, session } = noting();
    const fresh = freshFor('clone', { changesBytes: false });
    await warmUp(session, fromMemory(inMemory(10), fresh), { warmupDocuments: 600, workers: 2 });
    assert.equal(runs.length, 6);
  });

  it('ends when its time is over', async () => {
    const { runs, session } = noting();
    const fresh = freshFor('clone', { changesBytes: false });
    const options = { warmupDocuments: 1e9, maxWarmupMs: 0, workers: 2 };
    await warmUp(session, fromMemory(inMemory(10), fresh), options);
    assert.ok(runs.flat().length < 1e9);
  });
});

describe('documents that are files', () => {
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const contents = ['', 'a', 'bb'.repeat(50_000)];
  const read = contents.map((text, index): CorpusDocument => {
    const path = join(folder, `${index}.txt`);
    writeFileSync(path, text);
    const { size, mtimeMs } = statSync(path);
    const bytes = new TextEncoder().encode(text);
    return { index, id: `${index}`, size, bytes, file: { path, state: { size, mtimeMs } } };
  });
  const corpus = writeCorpus(join(folder, 'corpus'), read, 'files');
  const truth = { changesBytes: true };
  const options = { workers: 1, truth };

  /** Keeps what a session gets, and gives each document an outcome. */
  const session = (got: unknown[]): Pick<Session, 'run'> => ({
    async run(documents, emit) {
      for await (const document of documents) {
        got.push(document);
        const { index, id } = document;
        emit({ index, id, worker: '1', queuedMs: 0, taskMs: 0, status: 'ok', value: null });
      }
    },
  });

  it('are in no second file, and are read where a helper wants them in memory', () => {
    assert.equal(existsSync(corpus.contents), false);
    assert.deepEqual(
      readCorpus(corpus).map(({ id, bytes }) => [id, new TextDecoder().decode(bytes)]),
      contents.map((text, i) => [String(i), text]),
    );
    assert.throws(() => writeCorpus(join(folder, 'none'), inMemory(1), 'files'), /to come from a file/);
  });

  it('reach a session by name where workers read, and with their own bytes elsewhere', async () => {
    const byName: DocumentByPath[] = [];
    const names = supplyOf(corpus, { ...options, delivery: 'reference' });
    await names.run(session(byName), names.fresh(names.documents), { emit() {} });
    assert.deepEqual(
      byName.map(({ path }) => path),
      read.map(({ file }) => file?.path),
    );
    for (const delivery of ['clone', 'transfer', 'none'] as const) {
      const got: Document[] = [];
      const ids: string[] = [];
      const takenMs = new Float64Array(3);
      const supply = supplyOf(corpus, { ...options, delivery });
      for (const pass of [1, 2]) {
        await supply.run(session(got), supply.fresh(supply.documents), {
          emit: ({ id }) => void ids.push(id),
          takenMs,
        });
        assert.equal(got.length, 3 * pass);
      }
      assert.deepEqual(ids, ['0', '1', '2', '0', '1', '2']);
      for (const { index, size, bytes } of got) {
        assert.equal(Object.getPrototypeOf(bytes), Uint8Array.prototype);
        assert.equal(bytes.buffer.byteLength, size);
        assert.equal(new TextDecoder().decode(bytes), contents[index]);
      }
      assert.ok(got[2]?.bytes !== got[5]?.bytes, 'every pass reads again');
      assert.ok(takenMs.every((ms) => ms > 0));
    }
    assert.equal(supplyOf(corpus, { ...options, delivery: 'clone', documents: 2 }).documents.length, 2);
  });

  it('fail where the caller cannot read them any more, and say what happened to their files', async () => {
    const supply = supplyOf(corpus, { ...options, delivery: 'clone' });
    const [first, second, third] = read.map(({ file }) => file?.path as string);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    assert.equal(supply.changeOf(0), null);
    assert.doesNotThrow(() => refuseChanged(read));
    rmSync(first);
    writeFileSync(second, 'longer');
    const found: string[] = [];
    await supply.run(session([]), supply.documents, {
      emit: (outcome) =>
        void found.push(outcome.status === 'ok' ? 'ok' : `${outcome.status} ${outcome.error.code}`),
    });
    assert.deepEqual(found, ['failed ENOENT', 'ok', 'ok']);
    assert.deepEqual([0, 1, 2].map(supply.changeOf), ['was removed', 'changed', null]);
    assert.throws(() => refuseChanged(read), /document "0": its file was removed meanwhile; measure again/);
  });
});

describe('the documents of a pass', () => {
  const documents = inMemory(3);
  const shares = (delivery: Delivery, changesBytes: boolean) =>
    freshFor(delivery, { changesBytes })(documents).every(
      (document, i) => 'bytes' in document && document.bytes === documents[i]?.bytes,
    );

  it('are copies where a pass may change the bytes, and only there', () => {
    assert.equal(shares('transfer', false), false);
    assert.equal(shares('none', true), false);
    for (const delivery of ['none', 'clone', 'shared'] as const) assert.ok(shares(delivery, false), delivery);
    assert.ok(shares('clone', true), 'a worker has bytes of its own');
  });
});
