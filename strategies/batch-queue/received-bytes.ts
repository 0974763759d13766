import { readRegion } from '../processes/regions.js';
import type { BatchMessage, PieceMessage } from './protocol.js';

/** The child's side of the bytes of batches: in the shared file, in messages, or in pieces. */
export class ReceivedBytes {
  readonly #fd: number | null;
  /** A large document, as far as its pieces have come. */
  #large: Uint8Array | null = null;

  constructor(fd: number | null) {
    this.#fd = fd;
  }

  takePiece({ size, at, length, bytes }: PieceMessage): void {
    if (at === 0) this.#large = unfilled(size);
    const piece = (this.#large as Uint8Array).subarray(at, at + length);
    if (typeof bytes === 'number') readRegion(this.#fd as number, [piece], bytes);
    else piece.set(bytes);
  }

  takeLarge(): Uint8Array[] {
    const whole = [this.#large as Uint8Array];
    this.#large = null;
    return whole;
  }

  /** Gives each document a buffer of its own, which the task may keep, change or transfer. */
  copies({ documents, lengths }: BatchMessage): Uint8Array[] {
    if (documents === 'pieces') return this.takeLarge();
    if (typeof documents !== 'number') return documents.map((bytes) => new Uint8Array(bytes));
    const own = lengths.map(unfilled);
    readRegion(this.#fd as number, own, documents);
    return own;
  }
}

/** Allocates without filling with zeros, which would be overwritten at once. */
function unfilled(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}
