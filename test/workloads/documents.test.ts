import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { readCorpus, readTruth, writeCorpus, writeTruth } from '../../bench/trials/corpus-file.js';
import { type Corpus, corpusHash, findFiles, sampleFiles, sizeProfile } from '../../workloads/documents.js';
import { complexities, syntheticCorpus } from '../../workloads/synthetic.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const text = ({ bytes }: { bytes: Uint8Array }) => new TextDecoder('utf-8', { fatal: true }).decode(bytes);

describe('synthetic documents', () => {
  it('have exactly their size, are valid UTF-8 and own their buffer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.constantFrom(...complexities),
        fc.nat(),
        (size, complexity, seed) => {
          for (const document of syntheticCorpus({ name: 'x', size, count: 2, complexity, seed }).documents) {
            assert.equal(document.bytes.length, size);
            assert.equal(document.size, size);
            assert.equal(document.bytes.buffer.byteLength, size);
            text(document);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('are the same for the same seed, and all distinct', () => {
    const make = (seed: number) =>
      syntheticCorpus({ name: 'x', size: 2000, count: 30, complexity: 'medium', seed });
    assert.equal(corpusHash(make(1)), corpusHash(make(1)));
    assert.notEqual(corpusHash(make(1)), corpusHash(make(2)));
    assert.equal(new Set(make(1).documents.map(text)).size, 30);
  });

  it('stay the same from version to version, so that runs can be compared', () => {
    const hash = corpusHash(
      syntheticCorpus({ name: '2KB', size: 2000, count: 5, complexity: 'medium', seed: 1 }),
    );
    assert.equal(hash.slice(0, 19), 'v2:d251cb97e074073c');
  });

  it('grow richer with complexity', () => {
    const [low, medium, high] = complexities.map((complexity) => {
      const all = syntheticCorpus({ name: 'x', size: 20_000, count: 5, complexity, seed: 1 })
        .documents.map(text)
        .join('');
      return { words: new Set(all.match(/\p{L}+/gu)).size, links: all.split('](').length };
    });
    assert.ok(
      low &&
        medium &&
        high &&
        low.words < medium.words &&
        medium.words < high.words &&
        low.links < medium.links &&
        medium.links < high.links,
    );
  });

  it('of mixed sizes fill the range, most of them in its middle', () => {
    const sizes = syntheticCorpus({
      name: 'mixed',
      size: 'mixed',
      count: 200,
      complexity: 'low',
      seed: 1,
    }).documents.map(({ size }) => size);
    assert.ok(Math.min(...sizes) >= 10_000 && Math.max(...sizes) <= 500_000);
    // These sizes are within one standard deviation of the mean logarithm.
    const middle = sizes.filter((size) => size > 26_000 && size < 188_000).length;
    assert.ok(middle > 110 && middle < 165, `${middle} of 200`);
  });
});

describe('real documents', () => {
  const sizes = Array.from({ length: 100 }, (_, i) => i * 10);
  for (const size of sizes)
    writeFileSync(join(folder, `${String(size).padStart(4, '0')}.txt`), 'a'.repeat(size));

  it('are sampled one from each stratum of size, in a seeded order', async () => {
    const list = await findFiles(folder);
    assert.equal(list.files.length, 100);
    const sample = await sampleFiles(list, { count: 10, seed: 1 });
    const strata = sample.documents.map(({ size }) => Math.floor(size / 100)).sort((a, b) => a - b);
    assert.deepEqual(strata, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(
      sample.documents.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    );
    assert.equal(corpusHash(await sampleFiles(list, { count: 10, seed: 1 })), corpusHash(sample));
    assert.notEqual(corpusHash(await sampleFiles(list, { count: 10, seed: 2 })), corpusHash(sample));
  });

  it('are all taken when fewer than asked for', async () => {
    const sample = await sampleFiles(await findFiles(join(folder, '000*.txt')), { count: 50, seed: 1 });
    assert.equal(sample.documents.length, 1);
  });

  it('that cannot be read are named', {
    skip: process.getuid?.() === 0 ? 'root reads everything' : false,
  }, async () => {
    const secret = join(folder, 'secret');
    writeFileSync(secret, 'x');
    chmodSync(secret, 0);
    await assert.rejects(
      findFiles(secret).then((list) => sampleFiles(list, { count: 1, seed: 1 })),
      /cannot read ".*secret"/,
    );
  });

  it('that vanish are named', async () => {
    const gone = { id: 'x/gone.txt', below: 'gone.txt', path: join(folder, 'gone.txt'), size: 1, mtimeMs: 0 };
    const list = { pattern: 'x', files: [gone] };
    await assert.rejects(
      sampleFiles(list, { count: 1, seed: 1 }),
      /--docs "x": cannot read "x\/gone\.txt": ENOENT/,
    );
  });
});

describe('corpus', () => {
  it('profile counts by nearest rank', () => {
    const documents = [30, 10, 20, 40].map((size, index) => ({
      index,
      id: `${size}`,
      size,
      bytes: new Uint8Array(size),
    }));
    assert.deepEqual(sizeProfile({ name: 'x', documents }), {
      documents: 4,
      bytes: 100,
      min: 10,
      p5: 10,
      p50: 30,
      p95: 40,
      max: 40,
    });
  });

  it('file gives back what was written, each document in a buffer of its own', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (contents) => {
        const corpus: Corpus = {
          name: 'x',
          documents: contents.map((bytes, index) => ({ index, id: `d${index}`, size: bytes.length, bytes })),
        };
        const file = writeCorpus(join(folder, 'corpus'), corpus.documents);
        const back = readCorpus(file);
        assert.equal(corpusHash({ name: 'x', documents: back }), corpusHash(corpus));
        assert.ok(back.every(({ bytes }) => bytes.buffer.byteLength === bytes.length));
        writeTruth(file, { digests: ['a', 'b'], resultBytes: null, changesBytes: false });
        assert.deepEqual(readTruth(file), { digests: ['a', 'b'], resultBytes: null, changesBytes: false });
      }),
      { numRuns: 30 },
    );
  });
});
