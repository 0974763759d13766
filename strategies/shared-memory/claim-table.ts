import type { ReferenceKind } from '../session/reference.js';
import type { WasRead } from '../worker/read-reference.js';

/**
 * The claim table: what the caller's thread and its worker threads share beside the documents' bytes.
 *
 * A published document occupies a *slot*. Each queue has slots of its own, a ring of *tickets* (the slots in
 * the order in which they were published) and two counters: `available` is the number of tickets published so
 * far, and `next` is the first ticket that may be unclaimed. No word has two writers at the same time, except
 * `next` and a `state` that is ready or assigned, which change by compare-and-swap only:
 *
 *   word        written by                         meaning
 *   state       caller: free → ready, claimed →    the thread that owns the slot
 *               free, ready or assigned again,
 *               and ready or assigned → free;
 *               worker: ready or assigned to it →
 *               claimed by it
 *   entry       caller, while the slot is free     offset of the bytes, their number, the document's index,
 *                                                  and whether the bytes are the content, a path, or another
 *                                                  reference
 *   times       caller, while the slot is free,    when the task began and how long it took; -1 until the
 *               then the worker with the claim     worker has finished it
 *   read        the worker with the claim, before  what it has read for a document by reference: number of
 *               the times                          bytes (-1: nothing), time of the file (NaN: no file);
 *                                                  without a meaning for other documents
 *   ring        caller                             the slot of each ticket
 *   available   caller, after ring and state       tickets published so far
 *   next        any thread, from t to t + 1        a hint: there is nothing to claim before it
 *   running     the worker with the claim;         the number of the task that is running in the slot, which
 *               caller, while the slot is free     tells it from a later one of that worker; 0: none is
 *   perWorker   caller                             a worker begins a task only while fewer than this many of
 *                                                  its tasks are running
 *   keeping     its worker, before it reads eager  1: sleeps, or is about to, with outcomes that it has not
 *                                                  reported
 *   signal      caller                             the word that sleeping workers wait on
 *   eager       caller                             1: report outcomes before sleeping (the caller rests, or
 *                                                  has not had more than a stride to publish since)
 *
 * Order of writes. To publish, the caller writes the entry, then `state`, then the ring, then `available`. To
 * claim, a worker reads `next` and `available`, changes the slot's `state` and then moves `next` on. To run
 * the task, it writes `running`; afterwards it writes the times, then clears `running`, and later reports the
 * outcome in a message. The caller frees the slot when it has that message.
 *
 * Several documents of one worker: a worker may claim further documents while tasks of it wait, as far as
 * `perWorker` allows. Each slot has its own state, `running` and times, so the caller sees which tasks were
 * running when a worker ended, and for how long. When there was only one, it is the one to blame. When there
 * were several, none of them is: each runs again alone, in the worker's replacement, which begins with them
 * one after the other (`worker-deaths.ts`).
 *
 * Claiming is the change of `state` from ready to claimed and nothing else, one compare-and-swap for one
 * document. `next` only says where to look, and any worker that finds a ticket's slot already claimed moves
 * it on. Therefore a worker that dies between any two instructions loses nothing: the slots it had claimed
 * carry its number, and the caller makes them ready again under new tickets. A worker that was stalled while
 * its ticket became stale may find another document in the slot; it then claims that document, which does no
 * harm.
 *
 * To cancel a document that no worker has claimed, the caller withdraws it: it changes the slot's `state`
 * from ready, or from assigned, to free by the same compare-and-swap. `next` passes its ticket like one that
 * is claimed: workers move it on, and the caller does when it needs room in the ring.
 *
 * Sleeping and waking: a worker reads `signal`, finds nothing to claim, and waits for `signal` to change. The
 * caller publishes first, changes `signal` afterwards and then wakes the workers, so a worker sees either the
 * document or the change. The caller may publish several documents for one change of `signal`, but it makes
 * that change before it rests.
 *
 * A worker with waiting tasks rests in at most one wait, which remains while it works on. When that wait ends
 * while the worker is not looking for work, it wakes another worker in its place (`passOn`).
 *
 * Unreported outcomes: a worker sets `keeping` and then reads `eager`. The caller sets `eager` before it
 * rests and then reads `keeping`, so either the worker reports, or the caller wakes it.
 */

export interface Shape {
  readonly workers: number;
  /** The number of queues is 1 (shared by all workers) or equals the number of workers. */
  readonly queues: number;
  /** Every queue has this many slots. */
  readonly slots: number;
}

/**
 * States of a slot. The state of a claimed slot is `claimed` plus the worker's number. A slot that is
 * assigned to a worker which has not begun with it has the state `assigned` minus the worker's number.
 */
const free = 0;
const ready = 1;
const claimed = 2;
const assigned = -1;

/**
 * Words (4 bytes each) in a cache line of the processor: words that different threads write are on different
 * lines.
 */
const line = 16;
/** Positions of the words in a slot's entry; from `index` on they are numbers that take 8 bytes each. */
const entry = {
  state: 0,
  offset: 1,
  size: 2,
  idBytes: 3,
  by: 4,
  running: 5,
  index: 6,
  startedMs: 8,
  taskMs: 10,
  readBytes: 12,
  mtimeMs: 14,
};
/** The word `by` is a place in this list. */
const kinds: readonly (ReferenceKind | undefined)[] = [undefined, 'path', 'reference'];
const queue = { available: 0, next: line, signal: 2 * line, words: 3 * line };
const eager = 0;
const perWorker = 1;

export interface Entry {
  /** Position of the document's bytes in the arena; `oversized` when they are not there. */
  readonly offset: number;
  readonly size: number;
  /** Length of the document's id, which follows its bytes. */
  readonly idBytes: number;
  readonly index: number;
  /** How a worker reads the document from the bytes; undefined: they are its content. */
  readonly by: ReferenceKind | undefined;
}

/** The `offset` of a document that is too large for the arena: the worker asks the caller for it. */
export const oversized = -1;

export class ClaimTable {
  readonly memory: SharedArrayBuffer;
  readonly shape: Shape;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #tickets: number;
  readonly #at: {
    readonly queues: number;
    readonly keeping: number;
    readonly rings: number;
    readonly slots: number;
  };

  /** @param memory that another thread made for a table of the same shape; absent: this is a new table. */
  constructor(shape: Shape, memory?: SharedArrayBuffer) {
    this.shape = shape;
    // The ring has twice as many tickets as slots: some tickets point to slots that were claimed under a
    // newer ticket.
    this.#tickets = 2 * 2 ** Math.ceil(Math.log2(shape.slots));
    const queues = line;
    const keeping = queues + shape.queues * queue.words;
    const rings = keeping + shape.workers * line;
    const slots = rings + shape.queues * this.#tickets;
    this.#at = { queues, keeping, rings, slots };
    this.memory = memory ?? new SharedArrayBuffer(4 * (slots + shape.queues * shape.slots * line));
    this.#words = new Int32Array(this.memory);
    this.#numbers = new Float64Array(this.memory);
  }

  // The caller's thread calls the methods from here on.

  /**
   * Tells whether there is room for another ticket. There is none only when many tickets of claimed slots
   * block the ring.
   */
  hasTicket(q: number): boolean {
    if (this.#ticketsLeft(q) > 0) return true;
    this.#passWithdrawn(q);
    return this.#ticketsLeft(q) > 0;
  }

  /** Counts the documents that are published and that no worker has claimed. */
  unclaimed(q: number): number {
    this.#passWithdrawn(q); // no worker may be awake to do it
    return this.#tickets - this.#ticketsLeft(q);
  }

  write(slot: number, { offset, size, idBytes, index, by }: Entry): void {
    const at = this.#slot(slot);
    this.#words[at + entry.offset] = offset;
    this.#words[at + entry.size] = size;
    this.#words[at + entry.idBytes] = idBytes;
    this.#words[at + entry.by] = by === undefined ? 0 : kinds.indexOf(by);
    this.#numbers[(at + entry.index) >> 1] = index;
  }

  publish(q: number, slot: number): void {
    const at = this.#queue(q);
    const ticket = this.#words[at + queue.available] as number; // no other thread writes it
    this.#forgetRun(slot);
    Atomics.store(this.#words, this.#slot(slot) + entry.state, ready);
    Atomics.store(this.#words, this.#ring(q, ticket), slot);
    Atomics.store(this.#words, at + queue.available, (ticket + 1) | 0);
  }

  /** Wakes up to `count` workers that sleep because this queue was empty. */
  wake(q: number, count: number): void {
    const at = this.#queue(q) + queue.signal;
    Atomics.add(this.#words, at, 1);
    Atomics.notify(this.#words, at, count);
  }

  setEager(value: boolean): void {
    Atomics.store(this.#words, eager, value ? 1 : 0);
  }

  setPerWorker(value: number): void {
    Atomics.store(this.#words, perWorker, value);
  }

  /** Tells whether the worker sleeps with outcomes that it has not reported. */
  isKeeping(worker: number): boolean {
    return Atomics.load(this.#words, this.#keeping(worker)) === 1;
  }

  release(slot: number): void {
    Atomics.store(this.#words, this.#slot(slot) + entry.state, free);
  }

  /** Tells whether the slot is claimed by the worker or assigned to it. */
  isOwner(slot: number, worker: number): boolean {
    const state = Atomics.load(this.#words, this.#slot(slot) + entry.state);
    return state === claimed + worker || state === assigned - worker;
  }

  /** Takes back a document that no worker has begun with. Returns false when a worker has claimed it. */
  withdraw(slot: number): boolean {
    const at = this.#slot(slot) + entry.state;
    const state = Atomics.load(this.#words, at);
    const isWaiting = state === ready || state <= assigned;
    return isWaiting && Atomics.compareExchange(this.#words, at, state, free) === state;
  }

  isFree(slot: number): boolean {
    return Atomics.load(this.#words, this.#slot(slot) + entry.state) === free;
  }

  /** Returns the worker that has claimed the slot; null when none has. */
  ownerOf(slot: number): number | null {
    const state = Atomics.load(this.#words, this.#slot(slot) + entry.state);
    return state >= claimed ? state - claimed : null;
  }

  /**
   * Returns the number of the task that is running in the slot, or was when its worker ended; 0 when none is.
   * A watchdog compares two looks: when both show the same number, that task was running all the time between
   * them.
   */
  runningTask(slot: number): number {
    return Atomics.load(this.#words, this.#slot(slot) + entry.running);
  }

  /**
   * Assigns a slot to a worker without publishing it: a replacement worker begins with the slots assigned to
   * it.
   */
  assign(slot: number, worker: number): void {
    this.#forgetRun(slot);
    Atomics.store(this.#words, this.#slot(slot) + entry.state, assigned - worker);
  }

  startedMs(slot: number): number {
    return this.#numbers[(this.#slot(slot) + entry.startedMs) >> 1] as number;
  }

  /** Tells whether the worker that has claimed the slot has finished its task. */
  isFinished(slot: number): boolean {
    return this.taskMs(slot) >= 0;
  }

  taskMs(slot: number): number {
    return this.#numbers[(this.#slot(slot) + entry.taskMs) >> 1] as number;
  }

  /** Returns what the worker has read for a document by reference; null: nothing. */
  wasRead(slot: number): WasRead | null {
    const at = this.#slot(slot);
    const size = this.#numbers[(at + entry.readBytes) >> 1] as number;
    if (size < 0) return null;
    const mtimeMs = this.#numbers[(at + entry.mtimeMs) >> 1] as number;
    return Number.isNaN(mtimeMs) ? { size } : { size, mtimeMs };
  }

  // The workers call the methods from here on.

  /**
   * Claims the next document: returns a slot that now belongs to this worker, or -1 when there is nothing to
   * claim.
   */
  claim(q: number, worker: number): number {
    const words = this.#words;
    const at = this.#queue(q);
    for (;;) {
      const ticket = Atomics.load(words, at + queue.next);
      if (ticket === Atomics.load(words, at + queue.available)) return -1;
      const slot = Atomics.load(words, this.#ring(q, ticket));
      const before = Atomics.compareExchange(words, this.#slot(slot) + entry.state, ready, claimed + worker);
      Atomics.compareExchange(words, at + queue.next, ticket, (ticket + 1) | 0);
      if (before === ready) return slot;
    }
  }

  /** Claims a slot that was assigned to this worker. Returns false when it was withdrawn in the meantime. */
  claimAssigned(slot: number, worker: number): boolean {
    const own = assigned - worker;
    const at = this.#slot(slot) + entry.state;
    return Atomics.compareExchange(this.#words, at, own, claimed + worker) === own;
  }

  hasWork(q: number): boolean {
    const at = this.#queue(q);
    return Atomics.load(this.#words, at + queue.next) !== Atomics.load(this.#words, at + queue.available);
  }

  read(slot: number): Entry {
    const at = this.#slot(slot);
    return {
      offset: this.#words[at + entry.offset] as number,
      size: this.#words[at + entry.size] as number,
      idBytes: this.#words[at + entry.idBytes] as number,
      by: kinds[this.#words[at + entry.by] as number],
      index: whole(this.#numbers[(at + entry.index) >> 1] as number),
    };
  }

  /** @param task the number of the task among those of this worker, from 1 on */
  begin(slot: number, task: number): void {
    Atomics.store(this.#words, this.#slot(slot) + entry.running, task);
  }

  /** Notes what the worker has read for a document by reference. Call it before `end`. */
  noteRead(slot: number, { size = -1, mtimeMs = Number.NaN }: Partial<WasRead>): void {
    const at = this.#slot(slot);
    this.#numbers[(at + entry.readBytes) >> 1] = size;
    this.#numbers[(at + entry.mtimeMs) >> 1] = mtimeMs;
  }

  end(slot: number, { startedMs, taskMs }: { readonly startedMs: number; readonly taskMs: number }): void {
    const at = this.#slot(slot);
    this.#numbers[(at + entry.startedMs) >> 1] = startedMs;
    this.#numbers[(at + entry.taskMs) >> 1] = taskMs;
    Atomics.store(this.#words, at + entry.running, 0);
  }

  /** Returns how many tasks a worker runs at the same time. */
  perWorker(): number {
    return Atomics.load(this.#words, perWorker);
  }

  /** Says before `isEager` whether the worker will sleep with outcomes that it has not reported. */
  setKeeping(worker: number, value: boolean): void {
    Atomics.store(this.#words, this.#keeping(worker), value ? 1 : 0);
  }

  isEager(): boolean {
    return Atomics.load(this.#words, eager) === 1;
  }

  /**
   * Returns the queue's signal. A worker reads it before it looks for work, and gives it to `sleep` when
   * there was none.
   */
  signal(q: number): number {
    return Atomics.load(this.#words, this.#queue(q) + queue.signal);
  }

  /**
   * Blocks the thread until the signal is no longer `seen`, for at most `ms`. Returns false when the time ran
   * out.
   */
  sleep(q: number, seen: number, ms: number): boolean {
    return Atomics.wait(this.#words, this.#queue(q) + queue.signal, seen, ms) !== 'timed-out';
  }

  /**
   * Waits like `sleep`, but without a limit and without blocking the event loop. The wait does not keep the
   * loop alive.
   */
  async rest(q: number, seen: number): Promise<void> {
    await Atomics.waitAsync(this.#words, this.#queue(q) + queue.signal, seen).value;
  }

  /** Wakes another worker if there is work, in the place of one that was woken and cannot claim. */
  passOn(q: number): void {
    if (this.hasWork(q)) Atomics.notify(this.#words, this.#queue(q) + queue.signal, 1);
  }

  #ticketsLeft(q: number): number {
    const at = this.#queue(q);
    const used = Atomics.load(this.#words, at + queue.available) - Atomics.load(this.#words, at + queue.next);
    return this.#tickets - (used | 0);
  }

  /** Moves `next` past tickets whose slot no worker can claim, as workers do. */
  #passWithdrawn(q: number): void {
    const words = this.#words;
    const at = this.#queue(q);
    for (;;) {
      const ticket = Atomics.load(words, at + queue.next);
      if (ticket === Atomics.load(words, at + queue.available)) return;
      const slot = Atomics.load(words, this.#ring(q, ticket));
      if (Atomics.load(words, this.#slot(slot) + entry.state) === ready) return;
      Atomics.compareExchange(words, at + queue.next, ticket, (ticket + 1) | 0);
    }
  }

  #forgetRun(slot: number): void {
    const at = this.#slot(slot);
    this.#numbers[(at + entry.taskMs) >> 1] = -1;
    this.#words[at + entry.running] = 0;
  }

  #queue(q: number): number {
    return this.#at.queues + q * queue.words;
  }

  #ring(q: number, ticket: number): number {
    return this.#at.rings + q * this.#tickets + (ticket & (this.#tickets - 1));
  }

  #slot(slot: number): number {
    return this.#at.slots + slot * line;
  }

  #keeping(worker: number): number {
    return this.#at.keeping + worker * line;
  }
}

/**
 * Returns the same number, as a small integer where it is one. The compiler treats a number read from an
 * array of doubles as a double, and also everything a task computes from it: a loop of integer steps ran
 * three times slower.
 */
function whole(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}
