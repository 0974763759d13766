import type { Stage } from '../../stages/stages.js';
import type { Context, Document, Views } from '../../workload.js';
import { type EmbeddingModel, encode, loadModel } from './model.js';

/**
 * An embedding job as a chain of stages: a text becomes rows of tokens, a model that loads for about a second
 * makes a vector of each row, and the vectors are packed for the shards.
 */

/** The task decodes the bytes at once and keeps none of them. */
export const views: Views = 'shared';

/** A row has this many tokens, the last one of a document fewer. */
const rowTokens = 256;
/** Length of a vector, where the option `width` does not say another. */
const usualWidth = 1024;

const decoder = new TextDecoder();
const word = /[\p{L}\p{N}]+/gu;

interface Row {
  /** The row's place in its document. */
  readonly row: number;
  readonly tokens: Uint32Array;
}

interface Embedded {
  readonly row: number;
  readonly tokens: number;
  readonly vector: Float32Array;
}

/** A vector with a byte per element: an element is about `scale` times its byte. */
interface Packed {
  readonly row: number;
  readonly tokens: number;
  readonly scale: number;
  /** Signed bytes. */
  readonly vector: Uint8Array;
}

export const stages: readonly Stage[] = [
  { name: 'load', kind: 'cpu', flatMap: true, run: (document) => rowsOf(document as Document) },
  {
    name: 'encode',
    kind: 'cpu',
    batch: { documents: 16, ms: 5 },
    setup: ({ width = usualWidth }) => loadModel(Number(width)),
    run: (rows: readonly unknown[], contexts: readonly Context[]) =>
      embedded(rows as readonly Row[], contexts[0]?.state as EmbeddingModel),
  },
  { name: 'pack', kind: 'cpu', run: (row) => packed(row as Embedded) },
];

function rowsOf({ bytes }: Document): Row[] {
  const words = decoder.decode(bytes).toLowerCase().match(word) ?? [];
  const tokens = Uint32Array.from(words, tokenOf);
  const rows: Row[] = [];
  for (let from = 0; from < tokens.length; from += rowTokens)
    rows.push({ row: rows.length, tokens: tokens.slice(from, from + rowTokens) });
  return rows;
}

/** FNV-1a over the word's code units: it needs no vocabulary. */
function tokenOf(word: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

function embedded(rows: readonly Row[], model: EmbeddingModel): Embedded[] {
  const vectors = encode(
    model,
    rows.map(({ tokens }) => tokens),
  );
  return rows.map(({ row, tokens }, i) => ({
    row,
    tokens: tokens.length,
    vector: vectors[i] as Float32Array,
  }));
}

function packed({ row, tokens, vector }: Embedded): Packed {
  const scale = vector.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / 127;
  const bytes = Int8Array.from(vector, (value) => Math.round(value / (scale || 1)));
  return { row, tokens, scale, vector: new Uint8Array(bytes.buffer) };
}
