import { rmSync } from 'node:fs';
import type { SessionCache } from './cache-facts.js';
import { type Claims, claimant } from './claims.js';
import { FileClaims } from './file-claims.js';
import { MemoryClaims } from './memory-claims.js';

/** @throws Error of the system */
export function openClaims(claims: SessionCache['claims']): Claims {
  return typeof claims === 'string' ? new FileClaims(claims) : new MemoryClaims(claims);
}

/** The caller's end of the claims of a session. A file is there when a worker has claimed something. */
export class CallerClaims {
  readonly #place: SessionCache['claims'];
  #claims: Claims | null = null;

  constructor(place: SessionCache['claims']) {
    this.#place = place;
  }

  /** The document's worker has ended without a word. */
  end(document: { readonly index: number; readonly id: string }): void {
    this.#try((claims) => claims.endOf(claimant(document)));
  }

  /** A worker has ended. */
  endUnwritten(): void {
    this.#try((claims) => claims.endUnwritten());
  }

  /** The session has ended. */
  close(): void {
    this.#claims?.close();
    this.#claims = null;
    if (typeof this.#place === 'string') rmSync(this.#place, { force: true });
  }

  #try(use: (claims: Claims) => void): void {
    try {
      this.#claims ??= openClaims(this.#place);
      use(this.#claims);
    } catch {
      // The disk is full, or the folder was removed: documents that wait run after a while.
    }
  }
}
