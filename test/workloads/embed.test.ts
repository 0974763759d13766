import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { encode, loadModel } from '../../workloads/built-in/embed/model.js';
import { workloads } from '../../workloads/index.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { openStage } from '../../workloads/stages/open-stage.js';
import { contextWithoutSession } from '../../workloads/workload.js';

const rowOf = (seed: number, length = 20) =>
  Uint32Array.from({ length }, (_, i) => Math.imul(seed * 1000 + i + 1, 2654435761) >>> 0);
const dot = (a: Float32Array, b: Float32Array) =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);

describe('the model of embed', () => {
  const width = 64;
  const model = loadModel(width);

  it('has orthonormal rows, and the same bits on every machine', () => {
    const rows = Array.from({ length: width }, (_, i) => model.weights.subarray(i * width, (i + 1) * width));
    for (const [i, a] of rows.entries())
      for (const [j, b] of rows.entries())
        assert.ok(Math.abs(dot(a, b) - (i === j ? 1 : 0)) < 1e-4, `rows ${i} and ${j}`);
    const vectors = encode(model, [rowOf(1), rowOf(2)]);
    const hash = createHash('sha256');
    for (const { buffer } of [model.weights, ...vectors]) hash.update(new Uint8Array(buffer));
    assert.equal(hash.digest('hex').slice(0, 16), '1ea226657560cd4a');
  });

  it('gives a row the same vector in a batch of any size', () => {
    const rows = Array.from({ length: 11 }, (_, i) => rowOf(i, i * 3));
    const alone = rows.map((row) => encode(model, [row])[0]);
    for (let size = 1; size <= rows.length; size++)
      assert.deepEqual(encode(model, rows.slice(0, size)), alone.slice(0, size));
    assert.deepEqual(alone[0], new Float32Array(width)); // it has no tokens
    for (const vector of alone.slice(1))
      assert.ok(Math.abs(dot(vector as Float32Array, vector as Float32Array) - 1) < 1e-6);
  });
});

describe('embed', () => {
  it('makes a row of every 256 tokens, and none of a document without', async () => {
    const { name, url } = workloads.find(({ name }) => name === 'embed') as (typeof workloads)[0];
    const { stages } = await loadWorkload({ name, url, options: {} });
    const signal = new AbortController().signal;
    const context = contextWithoutSession({ state: undefined, options: {}, signal });
    let values: readonly unknown[] = [300, 0].map((words, index) => {
      const bytes = Buffer.from('Zwölf Boxkämpfer '.repeat(words / 2));
      return { index, id: `d${index}`, size: bytes.length, bytes };
    });
    for (const stage of stages ?? []) {
      const opened = await openStage(stage, { width: 16 });
      const results = await opened.run(values.map((value) => ({ value, context, document: 'd', part: '' })));
      values = results.flatMap((result) => ('values' in result ? result.values : assert.fail(result.error)));
    }
    const rows = values as { row: number; tokens: number; scale: number; vector: Uint8Array }[];
    assert.deepEqual(
      rows.map(({ row, tokens, vector }) => [row, tokens, vector.length]),
      [
        [0, 256, 16],
        [1, 44, 16],
      ],
    );
    assert.equal(Math.max(...rows.map(({ vector }) => Math.max(...new Int8Array(vector.buffer)))), 127);
  });
});
