/**
 * Embeds texts in three stages. Strategies run them one after the other for a document; `pipeline` gives each
 * stage workers of its own. Run it with `--shards <folder>`; docs/shards.md says how a real model takes the
 * place of the one below, which only hashes words.
 */
export const stages = [
  { name: 'load', kind: 'cpu', flatMap: true, run: rowsOf },
  {
    name: 'encode',
    kind: 'cpu',
    batch: { documents: 16, ms: 5 }, // values of several documents, with a context each
    setup: () => loadModel(384), // once per worker of this stage
    run: (rows, contexts) => rows.map((row) => ({ ...row, vector: encode(contexts[0].state, row.tokens) })),
  },
  { name: 'pack', kind: 'cpu', run: packed },
];

/** A document becomes rows of up to 256 tokens, which go on one by one. */
function rowsOf(document) {
  const text = new TextDecoder().decode(document.bytes);
  const tokens = Array.from(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [], tokenOf);
  return Array.from({ length: Math.ceil(tokens.length / 256) }, (_, row) => ({
    row,
    tokens: tokens.slice(row * 256, (row + 1) * 256),
  }));
}

/** FNV-1a: a token needs no vocabulary. */
function tokenOf(word) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A matrix of random signs: products of its rows with two texts are as similar as their words are. */
function loadModel(width) {
  let state = 1;
  const sign = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state < 2 ** 31 ? -1 : 1;
  };
  return Array.from({ length: width }, () => Float32Array.from({ length: 1024 }, sign));
}

function encode(model, tokens) {
  return model.map((weights) => tokens.reduce((sum, token) => sum + weights[token % 1024], 0));
}

/** The shards get a byte per element, in base64. */
function packed({ row, tokens, vector }) {
  const max = Math.max(1, ...vector.map(Math.abs));
  const bytes = Int8Array.from(vector, (value) => Math.round((value / max) * 127));
  return { row, tokens: tokens.length, scale: max / 127, vector: new Uint8Array(bytes.buffer) };
}
