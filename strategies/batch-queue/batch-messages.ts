import { writeRegion } from '../processes/regions.js';
import type { CarriedDocument } from '../session/reference.js';
import type { BatchMessage, PieceMessage } from './protocol.js';
import type { Batch } from './puller.js';

export interface BatchMessagesOptions {
  /** The parent's descriptor of the shared file; null where all documents travel in messages. */
  readonly fd: number | null;
  /** The position in the shared file where the lane's regions begin. */
  readonly offset: number;
  readonly regionBytes: number;
  /** The lane has this many regions. Batches beyond them travel in messages. */
  readonly regions: number;
}

/** How a batch is sent. */
export interface How {
  /** The region of the lane that the batch may use. */
  readonly region: number;
  readonly watched: boolean;
  /** True when the child may serve no other batch beside it. */
  readonly alone: boolean;
}

/**
 * Writes one lane's documents into its regions of the shared file, and makes the messages that say where they
 * are. This is the parent's side of `received-bytes.ts`. The bytes of documents that find no place in a
 * region are in the message. A document larger than a region is sent in pieces, before its batch.
 *
 * Whether a region is free is the caller's business: `protocol.ts` says when it may be written again.
 */
export class BatchMessages {
  readonly #options: BatchMessagesOptions;
  #fileFailed = false;

  constructor(options: BatchMessagesOptions) {
    this.#options = options;
  }

  batch(batch: Batch, { region, watched, alone }: How): BatchMessage {
    const { documents } = batch;
    const bytes = documents.map(({ bytes }) => bytes);
    const lengths = bytes.map(({ length }) => length);
    return {
      kind: 'batch',
      ids: documents.map(({ id }) => id),
      indexes: documents.map(({ index }) => index),
      lengths,
      documents: this.isLarge(batch) ? 'pieces' : (this.#place(bytes, lengths, region) ?? bytes),
      ...(documents.some(isByReference) && { by: documents.map(({ by }) => by) }),
      watched,
      ...(alone && { alone }),
    };
  }

  /** True for a document that is larger than a region. It is always alone in its batch. */
  isLarge({ documents: [document] }: Batch): boolean {
    return (document as CarriedDocument).bytes.length > this.#options.regionBytes;
  }

  /**
   * The pieces of a large document. Each is written over the previous one when the caller takes it from here:
   * take it when the child has answered the previous one.
   */
  *pieces({ documents: [document] }: Batch, region: number): Generator<PieceMessage> {
    const { bytes } = document as CarriedDocument;
    const { regionBytes } = this.#options;
    for (let at = 0; at < bytes.length; at += regionBytes) {
      const piece = bytes.subarray(at, at + regionBytes);
      yield {
        kind: 'piece',
        size: bytes.length,
        at,
        length: piece.length,
        bytes: this.#place([piece], [piece.length], region) ?? piece,
      };
    }
  }

  /**
   * Writes the documents into the region and returns their position; `null` when they must travel in the
   * message.
   */
  #place(bytes: readonly Uint8Array[], lengths: readonly number[], region: number): number | null {
    const { fd, offset, regionBytes, regions } = this.#options;
    if (fd === null || this.#fileFailed || region >= regions) return null;
    if (lengths.reduce((sum, length) => sum + length, 0) > regionBytes) return null;
    const position = offset + region * regionBytes;
    try {
      writeRegion(fd, bytes, position);
      return position;
    } catch (cause) {
      // A copy-on-write file system can be full although the space was filled with zeros before.
      this.#fileFailed = true;
      process.emitWarning(
        `queue: documents of one worker travel in messages from now on: ${messageOf(cause)}`,
      );
      return null;
    }
  }
}

function isByReference({ by }: CarriedDocument): boolean {
  return by !== undefined;
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
