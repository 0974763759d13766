/** An entry of the list of workloads. */
export interface WorkloadEntry {
  readonly name: string;
  readonly about: string;
  readonly url: string;
  /**
   * Module of a service that must run beside the measured tree. The task gets its address as
   * `options.service`.
   */
  readonly service?: string;
  /** A user's own task that must still be compiled, as the user named it: `./parse.ts#clean`. */
  readonly source?: string;
}

const at = (path: string) => new URL(path, import.meta.url).href;
const ollama = at('./services/ollama.js');

/** The workloads, in the order of tables and legends. A new one needs a file here and a line below. */
export const workloads: readonly WorkloadEntry[] = [
  {
    name: 'word-frequency',
    about: 'tokenise UTF-8 text, count words, top 20',
    url: at('./built-in/word-frequency.js'),
  },
  {
    name: 'markdown',
    about: 'Markdown to HTML, with headings and links extracted',
    url: at('./built-in/markdown.js'),
  },
  { name: 'compress', about: "gzip in libuv's thread pool, then SHA-256", url: at('./built-in/compress.js') },
  {
    name: 'llm-extract',
    about: 'ask an Ollama-compatible server about the document',
    url: at('./built-in/llm-extract.js'),
    service: ollama,
  },
  {
    name: 'enrich',
    about: 'one look-up over HTTP, then parse and aggregate',
    url: at('./built-in/enrich.js'),
    service: ollama,
  },
  {
    name: 'embed',
    about: 'stages: rows of tokens, vectors by a model that loads for a second, packed for shards',
    url: at('./built-in/embed/embed.js'),
  },
  {
    name: 'spin',
    about: 'fixed-iteration arithmetic: a known answer for self-tests',
    url: at('./built-in/spin.js'),
  },
  { name: 'sleep', about: 'fixed wait: a known answer for self-tests', url: at('./built-in/sleep.js') },
];
