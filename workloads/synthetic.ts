import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Corpus } from './documents.js';
import type { Document } from './workload.js';

/**
 * The made-up documents are Markdown that looks natural: sentences from a Zipf vocabulary, in paragraphs,
 * headings, lists and links. A seed determines all of it.
 */

export type Complexity = 'low' | 'medium' | 'high';
export const complexities: readonly Complexity[] = ['low', 'medium', 'high'];

/**
 * The size `mixed` draws from this range, in bytes. It is log-normal, and the range is four standard
 * deviations wide.
 */
const mixedRange = { low: 10_000, high: 500_000 };

interface Style {
  readonly vocabulary: number;
  /** This share of syllables has a letter outside ASCII. */
  readonly accents: number;
  /**
   * `headings`, `lists`, `tables` and `code` are shares of paragraphs; `links` and `emphasis` are shares of
   * words.
   */
  readonly headings: number;
  readonly lists: number;
  readonly tables: number;
  readonly code: number;
  readonly links: number;
  readonly emphasis: number;
}

const styles: Record<Complexity, Style> = {
  low: { vocabulary: 500, accents: 0, headings: 0.05, lists: 0, tables: 0, code: 0, links: 0, emphasis: 0 },
  medium: {
    vocabulary: 5_000,
    accents: 0.05,
    headings: 0.12,
    lists: 0.15,
    tables: 0,
    code: 0.03,
    links: 0.01,
    emphasis: 0.01,
  },
  high: {
    vocabulary: 50_000,
    accents: 0.2,
    headings: 0.2,
    lists: 0.3,
    tables: 0.1,
    code: 0.1,
    links: 0.04,
    emphasis: 0.05,
  },
};

export interface SyntheticOptions {
  /** Every document has this many bytes, or `mixed` draws a size for each. */
  readonly size: number | 'mixed';
  readonly name: string;
  readonly count: number;
  readonly complexity: Complexity;
  readonly seed: number;
}

/** Makes `count` distinct documents. The same options give the same bytes. */
export function syntheticCorpus({ size, name, count, complexity, seed }: SyntheticOptions): Corpus {
  const vocabulary = makeVocabulary(styles[complexity], seed);
  const digits = String(count).length;
  const documents = Array.from({ length: count }, (_, index): Document => {
    // 2654435761 (2³² over the golden ratio) spreads neighbouring indices over unrelated seeds.
    const writer = new Writer(styles[complexity], vocabulary, (seed + Math.imul(index + 1, 2654435761)) | 0);
    const target = size === 'mixed' ? writer.logNormal(mixedRange) : size;
    return {
      index,
      id: `${name}-${String(index).padStart(digits, '0')}`,
      size: target,
      bytes: writer.text(target),
    };
  });
  return { name, documents };
}

const consonants = [
  'b',
  'c',
  'd',
  'f',
  'g',
  'h',
  'l',
  'm',
  'n',
  'p',
  'r',
  's',
  't',
  'v',
  'st',
  'tr',
  'ch',
  'pl',
];
const vowels = ['a', 'e', 'i', 'o', 'u', 'ea', 'ou'];
const accented = ['é', 'ü', 'ø', 'ñ', 'ß', 'č', 'ж', 'λ', '漢'];

function makeVocabulary(style: Style, seed: number): string[] {
  const random = source(seed);
  const pick = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)] as T;
  const words = new Set<string>();
  while (words.size < style.vocabulary) {
    let word = '';
    // Frequent words come first and are short, as in natural language.
    const syllables = 1 + Math.floor(random() * (1 + Math.log10(words.size + 1)));
    for (let i = 0; i < syllables; i++)
      word += pick(consonants) + (random() < style.accents ? pick(accented) : pick(vowels));
    if (random() < 0.4 || words.has(word)) word += pick(consonants);
    words.add(word);
  }
  return [...words];
}

/** Returns a function that draws numbers in [0, 1). */
function source(seed: number): () => number {
  const generator = xoroshiro128plus(seed);
  return () => uniformFloat64(generator);
}

class Writer {
  readonly #style: Style;
  readonly #vocabulary: readonly string[];
  readonly #random: () => number;

  constructor(style: Style, vocabulary: readonly string[], seed: number) {
    this.#style = style;
    this.#vocabulary = vocabulary;
    this.#random = source(seed);
  }

  /** Writes exactly `size` bytes of valid UTF-8 into a buffer of their own. */
  text(size: number): Uint8Array {
    const encoder = new TextEncoder();
    const bytes = new Uint8Array(size).fill(0x0a);
    let written = 0;
    let block = `# ${this.#title()}\n\n`;
    while (written < size) {
      written += encoder.encodeInto(block, bytes.subarray(written)).written;
      // `encodeInto` leaves out a character that does not fit. The remaining bytes stay line feeds.
      if (size - written < 4) break;
      block = this.#block();
    }
    return bytes;
  }

  logNormal({ low, high }: { low: number; high: number }): number {
    const middle = Math.log(low * high) / 2;
    const sigma = Math.log(high / low) / 4;
    for (;;) {
      const normal = Math.sqrt(-2 * Math.log(1 - this.#random())) * Math.cos(2 * Math.PI * this.#random());
      const value = Math.round(Math.exp(middle + sigma * normal));
      if (value >= low && value <= high) return value;
    }
  }

  #block(): string {
    const style = this.#style;
    let share = this.#random();
    const chosen = (part: number) => {
      share -= part;
      return share < 0;
    };
    if (chosen(style.headings)) return `${'#'.repeat(this.#between(2, 4))} ${this.#title()}\n\n`;
    if (chosen(style.lists))
      return `${this.#lines(3, 8, () => `${this.#random() < 0.3 ? '  ' : ''}- ${this.#sentence()}`)}\n\n`;
    if (chosen(style.tables)) return this.#table();
    if (chosen(style.code))
      return `\`\`\`\n${this.#lines(2, 6, () => `${this.#word()} = ${this.#between(0, 9999)};`)}\n\`\`\`\n\n`;
    return `${Array.from({ length: this.#between(2, 7) }, () => this.#sentence()).join(' ')}\n\n`;
  }

  #table(): string {
    const row = () => `| ${this.#word()} | ${this.#word()} | ${this.#between(0, 9999)} |`;
    return `${row()}\n| --- | --- | --- |\n${this.#lines(2, 8, row)}\n\n`;
  }

  #lines(min: number, max: number, line: () => string): string {
    return Array.from({ length: this.#between(min, max) }, line).join('\n');
  }

  #title(): string {
    return capital(Array.from({ length: this.#between(2, 6) }, () => this.#word()).join(' '));
  }

  #sentence(): string {
    const { links, emphasis } = this.#style;
    const parts = Array.from({ length: this.#between(5, 20) }, () => {
      const word = this.#word();
      const share = this.#random();
      if (share < links) return `[${word}](https://example.org/${this.#between(1, 9999)})`;
      return share < links + emphasis ? `**${word}**` : word;
    });
    return `${capital(parts.join(' '))}.`;
  }

  /** Draws a word by Zipf's law with exponent 1, for which the logarithm of the rank is uniform. */
  #word(): string {
    return this.#vocabulary[Math.floor(this.#vocabulary.length ** this.#random()) - 1] as string;
  }

  #between(min: number, max: number): number {
    return min + Math.floor(this.#random() * (max - min + 1));
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
