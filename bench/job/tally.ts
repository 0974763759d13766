import { DoneDocuments } from './done-documents.js';
import type { DocumentLine, LineRecord, NotOk, Status } from './line.js';

/**
 * What a job remembers of the documents that have a line, wherever the lines are written. Its numbers leave
 * out the lines of documents that no longer exist, as soon as it knows them.
 */
export class Tally {
  /** The documents that had a line when the job resumed. */
  readonly done = new DoneDocuments();
  readonly #counts: Record<Status, number> = { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 };
  #notOk: NotOk[] = [];
  #fallbacks = 0;
  #vanished = 0;
  #vanishedNotOk = 0;

  /** Number of documents that have a line. */
  get documents(): number {
    return this.#counts.ok + this.notOkCount;
  }

  /** Number of lines whose documents no longer exist. */
  get vanished(): number {
    return this.#vanished;
  }

  /** Number of lines that are not ok, also of documents that no longer exist. */
  get notOkLines(): number {
    return this.notOkCount + this.#vanishedNotOk;
  }

  /** Numbers of documents by the status of their lines. */
  get counts(): Readonly<Record<Status, number>> {
    return { ...this.#counts };
  }

  /** Number of documents that are ok because they have the value of the fallback. */
  get fallbacks(): number {
    return this.#fallbacks;
  }

  /** Number of documents that are not ok. */
  get notOkCount(): number {
    return this.#notOk.length;
  }

  /** The documents that are not ok, in the order of their lines. */
  get notOk(): readonly NotOk[] {
    return this.#notOk;
  }

  /** A line was there when the job resumed. */
  found(record: LineRecord): void {
    this.done.add(record);
    this.#counts[record.status]++;
    if (record.status === 'ok') {
      if (record.isFallback) this.#fallbacks++;
      return;
    }
    const { id, status, error } = record;
    this.#notOk.push({ id, status, error });
  }

  /** A document has its line now. */
  add({ notOk, isFallback }: DocumentLine): void {
    if (isFallback) this.#fallbacks++;
    if (notOk !== null) this.#notOk.push(notOk);
    this.#counts[notOk === null ? 'ok' : notOk.status]++;
  }

  /** Says whether a document has a line and is marked to run again. */
  runsAgain(id: string): boolean {
    const place = this.done.find(id);
    return place !== null && this.done.stateAt(place) === 'again';
  }

  /** Leaves out the documents that were not marked as there; their lines stay in the results. */
  leaveOutVanished(): void {
    const { done } = this;
    for (let place = 0; place < done.size; place++) {
      const state = done.stateAt(place);
      if (state === 'again' || done.isThereAt(place)) continue;
      this.#vanished++;
      this.#counts[state]--;
      if (state !== 'ok') this.#vanishedNotOk++;
      if (done.isFallbackAt(place)) this.#fallbacks--;
    }
    if (this.#vanishedNotOk === 0) return;
    this.#notOk = this.#notOk.filter(({ id }) => {
      const place = done.find(id);
      return place !== null && done.isThereAt(place);
    });
  }

  /** The line of a document that runs again was taken out. */
  drop(record: Pick<LineRecord, 'status'> & { readonly isFallback?: boolean }): void {
    this.#counts[record.status]--;
    if (record.isFallback) this.#fallbacks--;
  }

  /** All lines of documents that run again were taken out. */
  dropped(): void {
    this.#notOk = this.#notOk.filter(({ id }) => !this.runsAgain(id));
  }
}
