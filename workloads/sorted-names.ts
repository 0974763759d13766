import type { ByteString } from './file-names.js';

/** Names up to this number are sorted as they are; a folder with more of them is sorted in runs. */
const namesPerRun = 32_768;

/** A name cannot have this character, on any system. */
const separator = '\0';

/**
 * The names of one folder, added in any order and taken in ascending order. The strings of a million names
 * would take most of the memory that a job may have, so those of a large folder are packed: each sorted run
 * is one buffer, and the runs are merged when names are taken.
 */
export class SortedNames {
  #latest: ByteString[] = [];
  #at = 0;
  readonly #runs: Run[] = [];
  #isSorted = false;

  add(name: ByteString): void {
    this.#latest.push(name);
    if (this.#latest.length === namesPerRun) this.#pack();
  }

  /** Takes the next name; null at the end. No name may be added after the first was taken. */
  next(): ByteString | null {
    if (!this.#isSorted) this.#sort();
    if (this.#runs.length === 0) return this.#latest[this.#at++] ?? null;
    let first = this.#runs[0] as Run;
    for (const run of this.#runs) if (run.head < first.head) first = run;
    const name = first.head;
    if (!first.advance()) this.#runs.splice(this.#runs.indexOf(first), 1);
    return name;
  }

  #sort(): void {
    this.#isSorted = true;
    if (this.#runs.length > 0 && this.#latest.length > 0) this.#pack();
    else this.#latest.sort();
  }

  #pack(): void {
    this.#runs.push(new Run(this.#latest.sort()));
    this.#latest = [];
  }
}

/** Names in ascending order, packed. */
class Run {
  /** The first name that is left. */
  head: ByteString;
  readonly #bytes: Buffer;
  #at = 0;

  constructor(names: readonly ByteString[]) {
    this.#bytes = Buffer.from(`${names.join(separator)}${separator}`, 'latin1');
    this.head = this.#read();
  }

  /** Goes on to the next name. @returns false when there is none */
  advance(): boolean {
    if (this.#at === this.#bytes.length) return false;
    this.head = this.#read();
    return true;
  }

  #read(): ByteString {
    const end = this.#bytes.indexOf(0, this.#at);
    const name = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return name;
  }
}
