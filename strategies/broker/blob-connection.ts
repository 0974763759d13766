import { connect as connectPlain, type Socket, type TcpNetConnectOpts } from 'node:net';
import { clearTimeout, setTimeout } from 'node:timers';
import { connect as connectTls } from 'node:tls';
import type { RedisOptions } from 'ioredis';
import { BlobBuffers } from './blob-buffers.js';
import { NoBroker } from './engine.js';
import { connectMs, isPassing, isRefusal, retryPauseMs, silentMs } from './redis.js';
import { type Reply, ReplyReader } from './reply-reader.js';

/**
 * A connection to Redis that carries the documents of batches, beside those of ioredis, which carry
 * everything else. ioredis copies each value that it sends, and puts each value that it receives together
 * from pieces of 64 KB: a value of 500 KB took it ten times the CPU time to receive, and four times to send.
 *
 * Protocol. Requests are SET and GET in RESP2. Redis answers each one, in their order, and they do not wait
 * for each other. A new connection first sends AUTH and SELECT as the address asks for, and PING: the
 * requests follow when all of these were answered well. A value is sent from the caller's memory, which must
 * not change before the answer; a value that comes is read into a buffer that is used again after `give`.
 *
 * Failures. When the connection is lost, or brings nothing for `silentMs` although requests wait, a new one
 * is made after the same pauses as those of ioredis, and all requests without an answer are sent again. So
 * a value may be written twice. An error of Redis rejects its request. Only if Redis refuses a new connection
 * for good, or answers with something else than RESP2, do all waiting requests reject; the next request
 * connects again. No request waits after `close`.
 */
export class BlobConnection {
  readonly #options: RedisOptions;
  readonly #buffers = new BlobBuffers();
  #socket: Socket | null = null;
  /** This many answers are missing until the socket takes requests; null while there is no socket. */
  #greetings: number | null = null;
  /** Requests without an answer, in the order in which they are sent. */
  readonly #requests: Request[] = [];
  /** Attempts to connect since the last answer. */
  #attempts = 0;
  #retry: NodeJS.Timeout | null = null;
  #closed = false;
  /** `end` waits until no answer is missing. */
  #idle: (() => void) | null = null;

  /** Connects when the first request is made, to where an ioredis of these options connects. */
  constructor(options: RedisOptions) {
    this.#options = options;
  }

  /** Writes a value, which lives for this time, ms. */
  async set(key: string, value: Uint8Array, keepMs: number): Promise<void> {
    const keep = String(keepMs);
    await this.#ask([
      `*5\r\n${bulk('SET')}${bulk(key)}$${value.length}\r\n`,
      value,
      `\r\n${bulk('PX')}${bulk(keep)}`,
    ]);
  }

  /** Returns null where there is no value. */
  async get(key: string): Promise<Buffer | null> {
    const reply = await this.#ask([command('GET', key)]);
    return reply === null || reply instanceof Buffer ? reply : null;
  }

  /** Takes back a value that `get` has returned and that nothing reads any more. */
  give(value: Uint8Array): void {
    this.#buffers.give(value);
  }

  /** Waits for the answers to requests that Redis may have begun with, if it can be reached, and closes. */
  async end(): Promise<void> {
    if (this.#greetings === 0 && this.#requests.length > 0)
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    this.close();
  }

  /** Ends the connection. Requests without an answer reject. */
  close(): void {
    this.#closed = true;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#fail(new Error('the connection to the broker was closed'));
  }

  #ask(parts: Request['parts']): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(new Error('the connection to the broker is closed'));
        return;
      }
      const request: Request = { parts, resolve, reject };
      this.#requests.push(request);
      if (this.#greetings === 0) this.#send(request);
      else if (this.#socket === null && this.#retry === null) this.#connect();
    });
  }

  #send({ parts }: Request): void {
    const socket = this.#socket as Socket;
    socket.cork();
    for (const part of parts) socket.write(part);
    socket.uncork();
  }

  #connect(): void {
    const { username, password, db = 0 } = this.#options;
    const reader = new ReplyReader(this.#buffers, (reply) => this.#receive(reply));
    const socket = openSocket(this.#options, {
      buffer: () => reader.space,
      callback: (count) => {
        try {
          if (this.#socket === socket) reader.read(count);
        } catch (cause) {
          this.#fail(cause as Error);
        }
        return true;
      },
    });
    this.#socket = socket;
    socket.setTimeout(connectMs, () => {
      if (this.#greetings !== 0 || this.#requests.length > 0) socket.destroy();
    });
    socket.on('error', () => {}); // `close` follows
    socket.on('close', () => {
      if (this.#socket === socket) this.#away();
    });
    const greetings: string[] = [];
    if (password) greetings.push(username ? command('AUTH', username, password) : command('AUTH', password));
    if (db !== 0) greetings.push(command('SELECT', String(db)));
    greetings.push(command('PING'));
    this.#greetings = greetings.length;
    socket.write(greetings.join(''));
  }

  #receive(reply: Reply): void {
    if (this.#greetings !== 0) {
      this.#greeted(reply);
      return;
    }
    this.#attempts = 0;
    const request = this.#requests.shift();
    if (request === undefined) throw new Error('expected no answer of Redis, got one');
    if (reply instanceof Error) request.reject(reply);
    else request.resolve(reply);
    if (this.#requests.length === 0) this.#idle?.();
  }

  #greeted(reply: Reply): void {
    if (reply instanceof Error) {
      if (isPassing(reply)) this.#socket?.destroy();
      else this.#fail(isRefusal(reply) ? refused(reply) : reply);
      return;
    }
    this.#greetings = (this.#greetings as number) - 1;
    if (this.#greetings > 0) return;
    this.#socket?.setTimeout(silentMs);
    for (const request of this.#requests) this.#send(request);
  }

  /** The connection is lost. */
  #away(): void {
    this.#socket = null;
    this.#greetings = null;
    this.#idle?.();
    if (this.#closed || this.#requests.length === 0) return;
    this.#retry = setTimeout(
      () => {
        this.#retry = null;
        this.#connect();
      },
      retryPauseMs(++this.#attempts),
    );
  }

  /** Ends this connection and everything that waits for it. */
  #fail(cause: Error): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#greetings = null;
    socket?.destroy();
    for (const { reject } of this.#requests.splice(0)) reject(cause);
    this.#idle?.();
  }
}

function refused(cause: Error): NoBroker {
  const expected = 'expected the broker to take a connection for documents, got a refusal';
  return new NoBroker(`${expected}: ${cause.message}. Check its user and password`, { cause });
}

interface Request {
  readonly parts: readonly (string | Uint8Array)[];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (cause: Error) => void;
}

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map(bulk).join('')}`;
}

function bulk(word: string): string {
  return `$${Buffer.byteLength(word)}\r\n${word}\r\n`;
}

/** Connects as ioredis does with these options. */
function openSocket(
  { path, host = 'localhost', port = 6379, family, tls }: RedisOptions,
  onread: TcpNetConnectOpts['onread'],
): Socket {
  const shared = { noDelay: true, keepAlive: true, keepAliveInitialDelay: silentMs, onread };
  const where = path ? { path } : { host, port, ...(family !== undefined && { family }) };
  if (tls) return connectTls({ ...shared, ...where, ...tls });
  return connectPlain({ ...shared, ...where } as TcpNetConnectOpts);
}
