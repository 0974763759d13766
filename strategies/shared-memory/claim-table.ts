/**
 * The claim table: what the caller's thread and its worker threads share beside the documents' bytes.
 *
 * Documents stand in *slots*. Each queue has slots of its own, a ring of tickets (the slots in the order they were
 * published) and two counters: `available`, the tickets published, and `next`, the first that may be unclaimed.
 *
 *   word        written by                         meaning
 *   state       caller: free → ready, and          who has the slot
 *               claimed → free or ready again;
 *               worker: ready → claimed by it
 *   entry       caller, while the slot is free     where the document lies, its size, its index
 *   times       the worker that has claimed it     when the task began and how long it took
 *   ring        caller                             the slot of each ticket
 *   available   caller, after ring and state       tickets published so far
 *   next        any worker, from t to t + 1        a hint: every ticket before it is claimed
 *   current     its worker                         the slot in its hands, plus one; 0 between tasks
 *   begun       its worker, before current         tasks it has begun: tells a task that goes on from the next one in the same slot
 *   signal      caller                             what sleeping workers wait on
 *   eager       caller                             1: report outcomes before sleeping, for no more documents are on their way
 *
 * Claiming is the change of `state` from ready to claimed and nothing else, one compare-and-swap; `next` only says where
 * to look, and whoever finds a ticket's slot claimed moves it on. So a worker that dies at any point between two
 * instructions loses nothing: what it had claimed carries its number, and the caller makes it ready again under a new
 * ticket. A worker that was stalled while its ticket went stale may find another document in the slot: then it claims
 * that one, which is as good.
 *
 * Sleeping: a worker reads `signal`, finds nothing to claim, and waits for `signal` to change. The caller publishes
 * first, changes `signal` afterwards and wakes: the worker sees either the document or the change. The caller may
 * publish several documents for one change, but never goes to rest itself before it has made it.
 */

export interface Shape {
  readonly workers: number;
  /** One for all workers, or one each. */
  readonly queues: number;
  /** A queue. */
  readonly slots: number;
}

/** States of a slot; from `claimed` on, the worker's number is added. */
const free = 0;
const ready = 1;
const claimed = 2;

/** A line of the processor's cache, in words of 4 bytes: what different threads write stands on different ones. */
const line = 16;
/** Words of a slot's entry; the last three are numbers of 8 bytes. */
const entry = { state: 0, offset: 1, size: 2, idBytes: 3, index: 4, startedMs: 6, taskMs: 8 };
const queue = { available: 0, next: line, signal: 2 * line, words: 3 * line };
const eager = 0;
/** Words behind `current`. */
const begun = 1;

export interface Entry {
  /** Of the document's bytes in the arena; `loose` when they are not there. */
  readonly offset: number;
  readonly size: number;
  /** Of the id, which stands behind the bytes. */
  readonly idBytes: number;
  readonly index: number;
}

/** The offset of a document that is too large for the arena: the worker asks for it. */
export const loose = -1;

export class Control {
  readonly memory: SharedArrayBuffer;
  readonly shape: Shape;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #tickets: number;
  readonly #at: {
    readonly queues: number;
    readonly current: number;
    readonly rings: number;
    readonly slots: number;
  };

  /** @param memory of another thread's table of the same shape; absent: a new table. */
  constructor(shape: Shape, memory?: SharedArrayBuffer) {
    this.shape = shape;
    // Twice as many tickets as slots: some still point to slots whose documents were claimed under a newer one.
    this.#tickets = 2 * 2 ** Math.ceil(Math.log2(shape.slots));
    const queues = line;
    const current = queues + shape.queues * queue.words;
    const rings = current + shape.workers * line;
    const slots = rings + shape.queues * this.#tickets;
    this.#at = { queues, current, rings, slots };
    this.memory = memory ?? new SharedArrayBuffer(4 * (slots + shape.queues * shape.slots * line));
    this.#words = new Int32Array(this.memory);
    this.#numbers = new Float64Array(this.memory);
  }

  // The caller's side.

  /** Whether a further ticket has room. Only if many tickets of claimed slots stand in the way it has not. */
  hasTicket(q: number): boolean {
    const at = this.#queue(q);
    return (
      ((Atomics.load(this.#words, at + queue.available) - Atomics.load(this.#words, at + queue.next)) | 0) <
      this.#tickets
    );
  }

  write(slot: number, { offset, size, idBytes, index }: Entry): void {
    const at = this.#slot(slot);
    this.#words[at + entry.offset] = offset;
    this.#words[at + entry.size] = size;
    this.#words[at + entry.idBytes] = idBytes;
    this.#numbers[(at + entry.index) >> 1] = index;
  }

  publish(q: number, slot: number): void {
    const at = this.#queue(q);
    const ticket = this.#words[at + queue.available] as number; // nobody else writes it
    Atomics.store(this.#words, this.#slot(slot) + entry.state, ready);
    Atomics.store(this.#words, this.#ring(q, ticket), slot);
    Atomics.store(this.#words, at + queue.available, (ticket + 1) | 0);
  }

  /** Wakes workers that sleep before this queue. */
  wake(q: number, count: number): void {
    const at = this.#queue(q) + queue.signal;
    Atomics.add(this.#words, at, 1);
    Atomics.notify(this.#words, at, count);
  }

  setEager(value: boolean): void {
    Atomics.store(this.#words, eager, value ? 1 : 0);
  }

  release(slot: number): void {
    Atomics.store(this.#words, this.#slot(slot) + entry.state, free);
  }

  isOwner(slot: number, worker: number): boolean {
    return Atomics.load(this.#words, this.#slot(slot) + entry.state) === claimed + worker;
  }

  isFree(slot: number): boolean {
    return Atomics.load(this.#words, this.#slot(slot) + entry.state) === free;
  }

  /** The slot that was in the worker's hands when it ended; null when none was. The next one begins with none. */
  takeCurrent(worker: number): number | null {
    const slot = Atomics.exchange(this.#words, this.#current(worker), 0) - 1;
    return slot < 0 ? null : slot;
  }

  /** What a watchdog compares: the same `task` at two looks, and the worker was in it all the time between. Null between tasks. */
  inHands(worker: number): { readonly slot: number; readonly task: number } | null {
    const at = this.#current(worker);
    const slot = Atomics.load(this.#words, at) - 1;
    return slot < 0 ? null : { slot, task: Atomics.load(this.#words, at + begun) };
  }

  /** The slot stays the worker's, which is a new one now: it is to begin with it. */
  hand(slot: number, worker: number): void {
    Atomics.store(this.#words, this.#slot(slot) + entry.state, claimed + worker);
  }

  startedMs(slot: number): number {
    return this.#numbers[(this.#slot(slot) + entry.startedMs) >> 1] as number;
  }

  taskMs(slot: number): number {
    return this.#numbers[(this.#slot(slot) + entry.taskMs) >> 1] as number;
  }

  // The worker's side.

  /** A slot that is now this worker's; -1 when there is nothing to claim. */
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
      index: whole(this.#numbers[(at + entry.index) >> 1] as number),
    };
  }

  begin(slot: number, worker: number): void {
    const at = this.#current(worker);
    this.#words[at + begun] = ((this.#words[at + begun] as number) + 1) | 0;
    Atomics.store(this.#words, at, slot + 1);
  }

  end(
    slot: number,
    worker: number,
    { startedMs, taskMs }: { readonly startedMs: number; readonly taskMs: number },
  ): void {
    const at = this.#slot(slot);
    this.#numbers[(at + entry.startedMs) >> 1] = startedMs;
    this.#numbers[(at + entry.taskMs) >> 1] = taskMs;
    Atomics.store(this.#words, this.#current(worker), 0);
  }

  isEager(): boolean {
    return Atomics.load(this.#words, eager) === 1;
  }

  /** Read before looking for work, and given to `sleep` when there was none. */
  signal(q: number): number {
    return Atomics.load(this.#words, this.#queue(q) + queue.signal);
  }

  /** Blocks the thread until the signal is another than `seen`, at most `ms`. False when the time ran out. */
  sleep(q: number, seen: number, ms: number): boolean {
    return Atomics.wait(this.#words, this.#queue(q) + queue.signal, seen, ms) !== 'timed-out';
  }

  /** The same without blocking or end: the thread's event loop goes on. It is not kept alive by this. */
  async rest(q: number, seen: number): Promise<void> {
    await Atomics.waitAsync(this.#words, this.#queue(q) + queue.signal, seen).value;
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

  #current(worker: number): number {
    return this.#at.current + worker * line;
  }
}

/**
 * The same number, as a small integer where it is one. What is read from an array of doubles is a double to the compiler,
 * and so is everything a task computes from it: a loop of integer steps ran three times slower for it.
 */
function whole(value: number): number {
  const integer = value | 0;
  return integer === value ? integer : value;
}
