import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { PNG } from 'pngjs';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { syntheticCorpus } from '../../workloads/synthetic.js';

/** The documents of the regret tasks are made here. They are the same bytes every time. */

/** The kind of documents that a task gets. A number is the size of a text, bytes. */
export type DocumentKind = number | 'skewed' | 'outlier' | 'pages' | 'pictures' | 'archives' | 'workbooks';

/** Writes a task's documents into a new folder. */
export function writeDocuments(
  { files, documents }: { readonly files: number; readonly documents: DocumentKind },
  folder: string,
): void {
  mkdirSync(folder, { recursive: true });
  const random = randomFrom(1);
  const text = longText();
  for (let i = 0; i < files; i++)
    writeFileSync(
      join(folder, `${String(i).padStart(4, '0')}.bin`),
      contentOf(documents, { i, random, text }),
    );
}

interface Source {
  readonly i: number;
  /** Each call gives another number from 0 to 1. */
  readonly random: () => number;
  readonly text: Uint8Array;
}

function contentOf(documents: DocumentKind, source: Source): Uint8Array {
  const { i, random } = source;
  switch (documents) {
    case 'skewed':
      // Pareto, α = 1: half of the documents are below 2 KB, one in a hundred above 100 KB.
      return excerpt(source, Math.min(1_000_000, Math.round(1000 / (1 - random()))));
    case 'outlier':
      return excerpt(source, i === 200 ? 12_000_000 : 4000 + Math.floor(80_000 * random()));
    case 'pages':
      return page(source);
    case 'pictures':
      return picture(source);
    case 'archives':
      return archive(source);
    case 'workbooks':
      return workbook(source);
    default:
      return excerpt(source, documents);
  }
}

function randomFrom(seed: number): () => number {
  const random = xoroshiro128plus(seed);
  return () => (random.next() >>> 0) / 2 ** 32;
}

function longText(): Uint8Array {
  const { documents } = syntheticCorpus({
    name: 'text',
    size: 1_500_000,
    count: 1,
    complexity: 'medium',
    seed: 1,
  });
  return (documents[0] as (typeof documents)[number]).bytes;
}

/** A part of the text from a random place; a long one repeats it. */
function excerpt({ random, text }: Source, length: number): Uint8Array {
  if (length >= text.length) {
    const long = new Uint8Array(length);
    for (let at = 0; at < length; at += text.length) long.set(text.subarray(0, length - at), at);
    return long;
  }
  const from = Math.floor(random() * (text.length - length));
  return text.subarray(from, from + length);
}

/** An HTML page with sections, lists, links and a table, 5 to 80 KB. */
function page(source: Source): Uint8Array {
  const { random } = source;
  const words = () => new TextDecoder().decode(excerpt(source, 200)).replaceAll(/[<>&]/g, ' ');
  const sections = Array.from({ length: 5 + Math.floor(70 * random()) }, (_, n) => {
    const items = Array.from(
      { length: 3 },
      (_, i) => `<li><a href="/${n}/${i}">${words().slice(0, 40)}</a></li>`,
    );
    const cells = Array.from({ length: 4 }, () => `<td>${Math.floor(1e6 * random())}</td>`).join('');
    const list = `<ul>${items.join('')}</ul><table><tr>${cells}</table>`;
    return `<section id="s${n}"><h2>${n}</h2><p>${words()}${list}</section>`;
  });
  return new TextEncoder().encode(`<!doctype html><title>page</title><body>${sections.join('\n')}`);
}

/** Makes a PNG of noise over a gradient, 60 to 360 pixels wide. */
function picture({ random }: Source): Uint8Array {
  const width = 60 + Math.floor(300 * random());
  const height = Math.round(0.75 * width);
  const png = new PNG({ width, height });
  for (let i = 0; i < width * height; i++) {
    const shade = (i % width) / width;
    for (let channel = 0; channel < 3; channel++)
      png.data[4 * i + channel] = Math.floor(200 * shade + 55 * random());
    png.data[4 * i + 3] = 255;
  }
  return PNG.sync.write(png);
}

/** An archive contains times; a fixed one keeps its bytes the same. */
const mtime = new Date(2026, 0, 1);

/** Makes a zip of 2 to 12 texts. */
function archive(source: Source): Uint8Array {
  const entries = Array.from(
    { length: 2 + Math.floor(10 * source.random()) },
    (_, n): [string, Uint8Array] => [
      `${n}.txt`,
      excerpt(source, 2000 + Math.floor(30_000 * source.random())),
    ],
  );
  return zipSync(Object.fromEntries(entries), { mtime });
}

/** Makes a workbook that has one sheet of 20 to 220 rows and ten columns of numbers. */
function workbook({ random }: Source): Uint8Array {
  const rows = Array.from({ length: 20 + Math.floor(200 * random()) }, (_, r) => {
    const cells = Array.from(
      { length: 10 },
      (_, c) =>
        `<c r="${String.fromCharCode(65 + c)}${r + 1}"><v>${Math.floor(1e5 * random()) / 100}</v></c>`,
    );
    return `<row r="${r + 1}">${cells.join('')}</row>`;
  });
  const namespace = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
  const sheet = `<worksheet xmlns="${namespace}"><sheetData>${rows.join('')}</sheetData></worksheet>`;
  return zipSync({ 'xl/worksheets/sheet1.xml': new TextEncoder().encode(sheet) }, { mtime });
}
