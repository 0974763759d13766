import { setTimeout as wait } from 'node:timers/promises';

/**
 * Looks up the words of a text in three stages: the first computes, the second waits for a service that takes
 * up to 20 words per call, the third puts together what it said. docs/stages.md explains every key.
 */
export const stages = [
  { name: 'parse', run: parse },
  {
    name: 'look-up',
    kind: 'io',
    batch: { documents: 20, ms: 5 }, // several documents per call
    timeoutMs: 5_000, // for one call of this stage
    setup: () => connect(), // once per worker of this stage
    run: (texts, contexts) => lookUp(texts, contexts[0]),
    teardown: (service) => service.close(),
  },
  { name: 'summarise', run: summarise },
];

function parse(document) {
  const text = new TextDecoder().decode(document.bytes);
  const counts = {};
  for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) counts[word] = (counts[word] ?? 0) + 1;
  return { id: document.id, counts };
}

/** Returns one result for each value of the batch, in their order. */
async function lookUp(texts, { state: service, signal }) {
  const ranks = await service.ask(
    texts.map(({ counts }) => Object.keys(counts)),
    { signal },
  );
  return texts.map((text, i) => ({ ...text, ranks: ranks[i] }));
}

function summarise({ id, counts, ranks }) {
  const words = Object.keys(counts);
  const rare = words.filter((_, i) => ranks[i] > 500);
  return { id, words: words.length, rare: rare.length };
}

/** Takes the place of a service here: an answer takes 10 ms, however many texts are in the question. */
function connect() {
  const rankOf = (word) => [...word].reduce((hash, letter) => (hash * 31 + letter.codePointAt(0)) % 1000, 7);
  return {
    async ask(lists, { signal }) {
      await wait(10, undefined, { signal });
      return lists.map((words) => words.map(rankOf));
    },
    close() {},
  };
}
