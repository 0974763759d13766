import type { AnyDocument } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { type Files, filler, pathIn } from './files.js';
import type { KernelResult } from './kernel.js';
import { resolvedByte } from './kernel-resolve.js';
import type { Given } from './series.js';

/** The documents of the dispatch benchmark, as the caller gives them. */

/**
 * Distinct documents together exceed the processor's caches: with a corpus that fits into them, copies look
 * cheap.
 */
const corpusBytes = 64e6;
const maxDistinct = 65_536;

export interface DocumentsOptions {
  readonly documentBytes: number;
  readonly given: Given;
  /** The documents are these files, where paths are given. */
  readonly files: Files | null;
  /** True where the strategy has no documents by path: the bytes of a document are then its path. */
  readonly pathAsBytes: boolean;
  /** True where a document is lost to its caller, so that each pass needs copies. */
  readonly areLost: boolean;
}

/** The documents repeat. Each has the kernel's steps in its first four bytes, unless it is empty. */
export class Documents {
  readonly #options: DocumentsOptions;
  /** One document has these bytes, whatever is given for it. */
  readonly sample: Document;
  readonly #corpus: readonly AnyDocument[];
  #next = 0;

  constructor(options: DocumentsOptions) {
    this.#options = options;
    this.sample = documentOf(0, filler(options.documentBytes, 0));
    this.#corpus = corpusOf(options);
  }

  /** Sets the kernel's steps. Only documents that have bytes take any. */
  setSteps(steps: number): void {
    const all = this.#options.given === 'bytes' ? (this.#corpus as readonly Document[]) : [];
    for (const { bytes } of [this.sample, ...all])
      if (bytes.length > 0) new DataView(bytes.buffer).setInt32(0, steps, true);
  }

  /** Takes the documents of one pass, with copies made where the pass would lose them. */
  take(count: number): (index: number) => AnyDocument {
    const first = this.#next;
    this.#next = (first + count) % this.#corpus.length;
    const at = (i: number) => this.#corpus[(first + i) % this.#corpus.length] as AnyDocument;
    if (!this.#options.areLost) return at;
    const copies = Array.from({ length: count }, (_, i) => {
      const document = at(i) as Document;
      return { ...document, bytes: document.bytes.slice() };
    });
    return (i) => copies[i] as AnyDocument;
  }

  /** Tells whether the kernel saw this document, by its size and its last byte. */
  isRight({ size, last }: KernelResult, { index }: AnyDocument): boolean {
    const { documentBytes, given } = this.#options;
    const expected = documentBytes === 0 ? 0 : given === 'resolve' ? resolvedByte : index & 255;
    return size === documentBytes && last === expected;
  }
}

function corpusOf({ documentBytes, given, files, pathAsBytes }: DocumentsOptions): AnyDocument[] {
  const distinct = Math.min(maxDistinct, Math.ceil(corpusBytes / Math.max(1, documentBytes)));
  const count = given === 'path' && files !== null ? files.count : distinct;
  const encoder = new TextEncoder();
  return Array.from({ length: count }, (_, index): AnyDocument => {
    if (given === 'bytes') return documentOf(index, filler(documentBytes, index));
    const id = `document-${index}`;
    if (given === 'resolve') return { index, id, size: documentBytes, reference: documentBytes };
    const path = pathIn(files as Files, index);
    return pathAsBytes ? documentOf(index, encoder.encode(path)) : { index, id, size: documentBytes, path };
  });
}

/** Each document owns its buffer. */
function documentOf(index: number, bytes: Uint8Array): Document {
  return { index, id: `document-${index}`, size: bytes.length, bytes: new Uint8Array(bytes) };
}
