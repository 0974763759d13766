import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { BlobConnection } from './blob-connection.js';
import { BullmqTaking, type TakingWorker } from './bullmq-taking.js';
import {
  type AnnouncedRun,
  type ConnectOptions,
  type Engine,
  type LeftBatch,
  type Received,
  RunLost,
  type Settled,
  type TakeOptions,
  type Taking,
} from './engine.js';
import { decodeMessage, encodeMessage, keepMs, type RunCard } from './protocol.js';
import { connectRedis, inOneCall, loadPackages, whenWritable } from './redis.js';

/**
 * The engine on BullMQ and Redis. BullMQ has the queue of batches: it hands them out, renews locks, and gives
 * the batches of lost agents to others. Documents, messages and the card are under keys of our own.
 *
 * Documents of batches have a connection of their own, except small ones of a caller: see `smallBytes`.
 *
 * Commands per batch: the caller sends SET, BullMQ's script that adds a job, and PEXPIRE together. An agent
 * sends GET, XADD, and BullMQ's script that completes a job and fetches the next one. One XREADGROUP, and
 * XACK, XDEL and UNLINK together, deal with all results that the caller has by then. A lone document also
 * costs BZPOPMIN, and twice BullMQ's script that fetches a job: BullMQ wakes a second agent, which finds
 * nothing.
 */
export async function connectBullmq({ url, side, run }: ConnectOptions): Promise<Engine> {
  const [{ bullmq }, client] = await Promise.all([loadPackages(), connectRedis(url)]);
  return new BullmqEngine(bullmq, client, side, run ?? '');
}

/** This key has the list of announced runs. */
const runsKey = 'forkwise:runs';
/** BullMQ's queue has this name, and its keys begin with the prefix of the run and the name. */
const queueName = 'batches';
/** Messages of the caller are kept for agents that read slowly or join later, about this many. */
const maxDown = 4096;
/** One read brings this many messages at most. */
const maxRead = 16;
/** Each side renews the time to live of the run's keys this often, ms. */
const renewMs = 10_000;
/**
 * The documents of a batch up to this size are sent in front of its job, on the same connection, which keeps
 * the order: a small document that is alone needs one round trip. Larger ones have the other connection,
 * where they cost less CPU time, and their job waits until Redis has them.
 */
const smallBytes = 2 ** 16;
/** BullMQ would fail a job that was lost more often, but agents decide what becomes of its documents. */
const maxStalledCount = 1_000_000;

class BullmqEngine implements Engine {
  readonly #bullmq: typeof import('bullmq');
  readonly #client: Redis;
  readonly #blobs: BlobConnection;
  readonly #side: ConnectOptions['side'];
  readonly #run: string;
  readonly #prefix: string;
  readonly #renewing: NodeJS.Timeout;
  /** Reads that block have a connection of their own. */
  #reader: Redis | null = null;
  #queue: Queue | null = null;
  #taking: Taking | null = null;
  /** The caller has added these batches and has not settled them. */
  readonly #batches = new Set<number>();
  /** The caller has these messages and has not settled them. */
  readonly #unsettled = new Set<string>();
  /** The caller reads first what was sent to it before, on an earlier connection or by another process. */
  #readsOld = true;
  /** The agent has read this message last. */
  #last = '0-0';
  #closed = false;

  constructor(bullmq: typeof import('bullmq'), client: Redis, side: ConnectOptions['side'], run: string) {
    this.#bullmq = bullmq;
    this.#client = client;
    this.#blobs = new BlobConnection(client.options);
    this.#side = side;
    this.#run = run;
    this.#prefix = prefixOf(run);
    this.#renewing = setInterval(() => void this.#renew(), renewMs).unref();
  }

  async announce(card: RunCard, bundle: Uint8Array | null): Promise<LeftBatch[]> {
    const known = await this.#client.exists(this.#key('card'));
    const left = known === 0 ? [] : await this.#left();
    await whenWritable(async () => {
      if (bundle !== null) await this.#client.set(this.#key('bundle'), asBuffer(bundle), 'PX', keepMs);
      await this.#makeGroup();
      await this.#client.set(this.#key('card'), asBuffer(encodeMessage(card)), 'PX', keepMs);
      await this.#client.zadd(runsKey, 'NX', String(Date.now()), this.#run);
    });
    const { Queue } = this.#bullmq;
    this.#queue = new Queue(queueName, {
      connection: this.#client,
      prefix: this.#prefix,
      streams: { events: { maxLen: 0 } }, // no side reads them
    });
    this.#queue.on('error', () => {}); // calls reject with it
    await this.#queue.waitUntilReady();
    await this.#renew();
    for (const { batch } of left) this.#batches.add(batch);
    return left;
  }

  async runs(): Promise<AnnouncedRun[]> {
    const ids = await this.#client.zrange(runsKey, '0', '-1');
    if (ids.length === 0) return [];
    const cards = await this.#client.mgetBuffer(ids.map((id) => `${prefixOf(id)}:card`));
    const runs: AnnouncedRun[] = [];
    for (const [i, id] of ids.entries()) {
      const card = cards[i] ?? null;
      if (card === null) await this.#forget(id);
      else
        runs.push({
          card: decodeMessage<RunCard>(card),
          bundle: () => this.#client.getBuffer(`${prefixOf(id)}:bundle`),
        });
    }
    return runs;
  }

  async add(batch: number, blob: Uint8Array): Promise<void> {
    const key = this.#key(`batch:${batch}`);
    const isLarge = blob.length > smallBytes;
    this.#batches.add(batch);
    if (isLarge) {
      await whenWritable(() => this.#blobs.set(key, blob, keepMs));
      if (this.#closed) return;
      // A batch that was added again may have been settled by then.
      if (!this.#batches.has(batch)) return void (await this.#client.unlink(key));
    }
    const job = { jobId: jobId(batch), removeOnComplete: true, removeOnFail: true };
    const expire = () => this.#client.pexpire(this.#queueKey(job.jobId), keepMs);
    // The connection keeps the order, so none of these waits for the one before.
    const write = () => [
      isLarge ? null : this.#client.set(key, asBuffer(blob), 'PX', keepMs),
      (this.#queue as Queue).add('batch', null, job), // sends its script before the turn ends
      endOfTurn().then(expire),
    ];
    const [, , expires] = await whenWritable(() => Promise.all(inOneCall(this.#client, write)));
    if (expires === 0) await expire(); // the script was late
  }

  async take(options: TakeOptions): Promise<Taking> {
    class BatchWorker extends this.#bullmq.Worker implements TakingWorker {
      jobOf(...given: Parameters<TakingWorker['jobOf']>): ReturnType<TakingWorker['jobOf']> {
        return this.nextJobFromJobData(...given);
      }
    }
    const worker = new BatchWorker(queueName, null, {
      connection: this.#client,
      prefix: this.#prefix,
      lockDuration: options.lockMs,
      stalledInterval: options.sweepMs,
      maxStalledCount,
      skipLockRenewal: true, // it is renewed by hand, since the jobs are taken so
    });
    worker.on('error', () => {}); // calls reject with it
    await worker.waitUntilReady();
    await worker.startStalledCheckTimer();
    this.#taking = new BullmqTaking(worker, options, {
      get: (batch) => this.#blobs.get(this.#key(`batch:${batch}`)),
      free: (blob) => this.#blobs.give(blob),
    });
    return this.#taking;
  }

  async post(message: Uint8Array): Promise<boolean> {
    const bytes = asBuffer(message);
    const id = await whenWritable(() =>
      this.#side === 'caller'
        ? this.#client.xadd(this.#key('down'), 'MAXLEN', '~', maxDown, '*', 'm', bytes)
        : this.#client.xadd(this.#key('up'), 'NOMKSTREAM', '*', 'm', bytes),
    );
    return id !== null;
  }

  async receive(waitMs: number): Promise<Received[]> {
    this.#reader ??= await this.#connectReader();
    if (this.#closed) {
      this.#reader.disconnect(); // it has connected after `close`
      throw new RunLost();
    }
    return this.#side === 'caller' ? this.#receiveAsCaller(waitMs) : this.#receiveAsAgent(waitMs);
  }

  async settle({ receipts, batches }: Settled): Promise<void> {
    const [up, group] = [this.#key('up'), 'caller'];
    const write = () => [
      receipts.length > 0 && this.#client.xack(up, group, ...receipts),
      receipts.length > 0 && this.#client.xdel(up, ...receipts),
      batches.length > 0 && this.#client.unlink(...batches.map((batch) => this.#key(`batch:${batch}`))),
    ];
    await Promise.all(inOneCall(this.#client, write));
    for (const receipt of receipts) this.#unsettled.delete(receipt);
    for (const batch of batches) this.#batches.delete(batch);
  }

  async close({ remove }: { readonly remove: boolean }): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#renewing);
    const isThere = this.#client.status === 'ready';
    this.#reader?.disconnect();
    await this.#taking?.abandon(); // it is over, or its batches go to other agents
    const removes = isThere && this.#side === 'caller' && remove;
    if (removes) await this.#blobs.end(); // documents that come later would remain
    this.#blobs.close();
    if (removes) await this.#removeAll();
    if (isThere && this.#side === 'agent') await this.#removeRemains().catch(() => {});
    await this.#queue?.close().catch(() => {});
    if (isThere) await this.#client.quit().catch(() => {});
    this.#client.disconnect();
  }

  async #receiveAsCaller(waitMs: number): Promise<Received[]> {
    const old = this.#readsOld;
    this.#readsOld = false;
    const read = ['GROUP', 'caller', 'caller', 'COUNT', maxRead, ...(old ? [] : ['BLOCK', waitMs])];
    try {
      // Old messages are read until there are none that the caller does not have.
      const entries = await this.#read('XREADGROUP', [...read, 'STREAMS', this.#key('up'), old ? '0' : '>']);
      const fresh = entries.filter(({ receipt }) => !this.#unsettled.has(receipt));
      if (old) this.#readsOld ||= fresh.length > 0;
      for (const { receipt } of fresh) this.#unsettled.add(receipt);
      return old && fresh.length === 0 ? this.#receiveAsCaller(waitMs) : fresh;
    } catch (cause) {
      if (/NOGROUP|UNBLOCKED/.test((cause as Error).message)) throw new RunLost();
      throw cause;
    }
  }

  async #receiveAsAgent(waitMs: number): Promise<Received[]> {
    const read = ['COUNT', maxRead, 'BLOCK', waitMs, 'STREAMS', this.#key('down'), this.#last];
    const entries = await this.#read('XREAD', read);
    this.#last = entries.at(-1)?.receipt ?? this.#last;
    if (entries.length === 0 && (await this.#client.exists(this.#key('card'))) === 0) throw new RunLost();
    return entries;
  }

  async #read(command: string, parameters: readonly (string | number)[]): Promise<Received[]> {
    const answer = await (this.#reader as Redis).callBuffer(command, ...parameters);
    const streams = answer as [unknown, [Buffer, [Buffer, Buffer] | null][]][] | null;
    const entries = streams?.[0]?.[1] ?? [];
    // An entry that was deleted while it was pending has no fields.
    return entries.flatMap(([id, fields]) =>
      fields === null ? [] : [{ receipt: id.toString('latin1'), message: fields[1] }],
    );
  }

  async #connectReader(): Promise<Redis> {
    const reader = this.#client.duplicate();
    reader.on('error', () => {}); // it connects again
    reader.on('ready', () => {
      this.#readsOld = true;
    });
    await reader.connect();
    return reader;
  }

  async #makeGroup(): Promise<void> {
    try {
      await this.#client.xgroup('CREATE', this.#key('up'), 'caller', '0', 'MKSTREAM');
    } catch (cause) {
      if (!/BUSYGROUP/.test((cause as Error).message)) throw cause;
    }
  }

  async #left(): Promise<LeftBatch[]> {
    const prefix = this.#key('batch:');
    const left: LeftBatch[] = [];
    for (const key of await this.#scan(`${prefix}*`)) {
      const blob = await this.#client.getBuffer(key);
      if (blob !== null) left.push({ batch: Number(key.slice(prefix.length)), blob });
    }
    return left.sort((one, other) => one.batch - other.batch);
  }

  async #scan(pattern: string): Promise<string[]> {
    const keys = new Set<string>();
    for (let cursor = '0'; ; ) {
      const [next, found] = await this.#client.scan(cursor, 'MATCH', escaped(pattern), 'COUNT', 1000);
      for (const key of found) keys.add(key);
      if (next === '0') return [...keys];
      cursor = next;
    }
  }

  /** Renews the time to live of all keys that the run has at any time; jobs and documents have their own. */
  async #renew(): Promise<void> {
    if (this.#run === '' || this.#client.status !== 'ready') return;
    // While this key lives, no agent looks for batches of lost agents: it must expire as BullMQ says.
    const keys = [runsKey, ...fixedKeys(this.#run)].filter((key) => key !== this.#queueKey('stalled-check'));
    await Promise.all(keys.map((key) => this.#client.pexpire(key, keepMs))).catch(() => {});
  }

  async #removeAll(): Promise<void> {
    // A batch that was added again after its agent had completed it has a job, but is settled.
    const lists = ['wait', 'active'].map((list) => this.#client.lrange(this.#queueKey(list), 0, -1));
    const jobs = new Set([...[...this.#batches].map(jobId), ...(await Promise.all(lists)).flat()]);
    const keys = [...jobs].flatMap((id) => [this.#queueKey(id), this.#queueKey(`${id}:lock`)]);
    const batches = [...this.#batches].map((batch) => this.#key(`batch:${batch}`));
    await this.#client.unlink(...fixedKeys(this.#run), ...batches, ...keys);
    await this.#client.zrem(runsKey, this.#run);
  }

  /**
   * Removes what an agent has made after its caller had removed the run: BullMQ's scripts write the options
   * of a queue that has none.
   */
  async #removeRemains(): Promise<void> {
    if (this.#run === '' || (await this.#client.exists(this.#key('card'))) > 0) return;
    await this.#client.unlink(...fixedKeys(this.#run));
  }

  /** Removes what an expired run has left. */
  async #forget(run: string): Promise<void> {
    await this.#client.unlink(...fixedKeys(run));
    await this.#client.zrem(runsKey, run);
  }

  #key(name: string): string {
    return `${this.#prefix}:${name}`;
  }

  #queueKey(name: string): string {
    return `${this.#prefix}:${queueName}:${name}`;
  }
}

/** A run has these keys at any time. Batches and their jobs have others, which expire by themselves. */
function fixedKeys(run: string): string[] {
  const queue = ['wait', 'active', 'paused', 'id', 'meta', 'events', 'marker', 'stalled', 'stalled-check'];
  const keys = ['card', 'bundle', 'up', 'down', ...queue.map((key) => `${queueName}:${key}`)];
  return keys.map((key) => `${prefixOf(run)}:${key}`);
}

/** The braces keep all keys of a run on one node of a cluster. */
function prefixOf(run: string): string {
  return `forkwise:{${run}}`;
}

/** BullMQ takes no whole number as the id of a job. */
function jobId(batch: number): string {
  return `b${batch}`;
}

/** Makes a pattern of SCAN match itself, except for its last star. */
function escaped(pattern: string): string {
  return pattern.replace(/[[\]?\\]/g, '\\$&');
}

/** Returns the same bytes as the class that ioredis sends as they are. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
