/** Counts the words of a document. A task is a module of its own: workers load it by its path. */
export const kind = 'cpu';

export default function words(document) {
  const text = new TextDecoder().decode(document.bytes);
  return { words: text.split(/\s+/).filter(Boolean).length };
}
