import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { withoutPassword } from './address.js';
import { NoBroker, NoPackages } from './engine.js';

/** Connections to Redis, and the packages that they need. */

/** The packages are optional: programs that use no broker install none. */
export async function loadPackages(): Promise<Packages> {
  try {
    const [bullmq, { Redis }] = await Promise.all([import('bullmq'), import('ioredis')]);
    return { bullmq, Redis };
  } catch (cause) {
    throw new NoPackages(
      'a broker needs the packages bullmq and ioredis, and one does not load: npm install bullmq ioredis',
      { cause },
    );
  }
}

interface Packages {
  readonly bullmq: typeof import('bullmq');
  readonly Redis: typeof import('ioredis').Redis;
}

/** A broker must answer within this time when a side connects, ms. */
export const connectMs = 10_000;

/** A connection that has brought nothing for this long after a command is made again, ms. */
export const silentMs = 15_000;

/** A warning says so when the broker has not been there for this long, ms. */
const warnAfterMs = 10_000;

/** The longest pause between two attempts to connect, ms. */
const maxRetryMs = 1000;

/** Returns the pause before this attempt to connect again, ms. The first attempt has number 1. */
export function retryPauseMs(attempt: number): number {
  return Math.min(10 * 2 ** attempt, maxRetryMs);
}

/** Redis refuses with these errors what cannot be mended by trying again. */
const refusals = /^(NOAUTH|WRONGPASS|NOPERM|ERR (AUTH|invalid DB|DB index|unknown user))/;

/** Tells whether Redis refuses a connection for good. */
export function isRefusal({ message }: Error): boolean {
  return refusals.test(message);
}

/**
 * Connects to Redis. The connection comes back by itself for as long as it is open, and makes the commands
 * again that had no answer.
 * @throws NoBroker when no Redis answers within 10 s, or it refuses the connection
 */
export async function connectRedis(url: string): Promise<Redis> {
  const { Redis } = await loadPackages();
  const client = new Redis(url, {
    lazyConnect: true,
    protocol: 2,
    maxRetriesPerRequest: null,
    connectTimeout: connectMs,
    socketTimeout: silentMs,
    keepAlive: silentMs,
    retryStrategy: retryPauseMs,
  });
  let last: Error | null = null;
  client.on('error', (error: Error) => {
    last = error;
  });
  const deadline = AbortSignal.timeout(connectMs);
  const refused = () => last !== null && isRefusal(last);
  client.connect().catch(() => {}); // the retries go on, and `last` has the error
  while (client.status !== 'ready' && !deadline.aborted && !refused()) await sleep(5);
  if (client.status !== 'ready' || refused()) {
    giveUp(client);
    const [got, advice] = refused()
      ? ['a refusal', 'Give the user, the password and the database that this Redis has']
      : [`none in ${connectMs / 1000} s`, 'Start Redis there, or name another with --broker'];
    const because = (last as Error | null)?.message.replace(/\.$/, '') ?? 'it does not answer';
    throw new NoBroker(`expected a Redis at ${withoutPassword(url)}, got ${got}: ${because}. ${advice}`);
  }
  warnWhenAway(client, url);
  return client;
}

/**
 * Ends a client that has not connected. ioredis then waits two seconds for the end of its latest socket, also
 * where that has ended before, and its timer would keep the process alive.
 */
function giveUp(client: Redis): void {
  const { stream } = client as { readonly stream?: Socket };
  client.disconnect();
  if (stream?.closed === true) stream.emit('close');
  else stream?.destroy();
}

function warnWhenAway(client: Redis, url: string): void {
  let timer: NodeJS.Timeout | null = null;
  client.on('close', () => {
    timer ??= setTimeout(() => {
      process.emitWarning(
        `the broker at ${withoutPassword(url)} has been away for ${warnAfterMs / 1000} s; this waits for it`,
      );
    }, warnAfterMs).unref();
  });
  const back = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
  };
  client.on('ready', back);
  client.on('end', back);
}

/**
 * Makes writes, and sends all of this turn of the event loop in one system call. A call of its own for each
 * command takes longer than its encoding, and wakes Redis each time.
 */
export function inOneCall<Result>({ stream }: Redis, write: () => Result): Result {
  stream?.cork(); // absent while there is no connection: the commands wait
  try {
    return write();
  } finally {
    setImmediate(() => stream?.uncork());
  }
}

/** Pauses between two attempts to write to a broker that is full, ms. */
const fullPauseMs = { first: 20, max: 500 };

/**
 * Makes a write, and makes it again while Redis has no memory for it or cannot write for another reason that
 * passes.
 */
export async function whenWritable<Value>(write: () => Promise<Value>): Promise<Value> {
  for (let pauseMs = fullPauseMs.first; ; pauseMs = Math.min(2 * pauseMs, fullPauseMs.max)) {
    try {
      return await write();
    } catch (cause) {
      if (!isPassing(cause)) throw cause;
      await sleep(pauseMs);
    }
  }
}

/** Tells whether Redis refuses a command for a reason that passes. */
export function isPassing(cause: unknown): boolean {
  const message = cause instanceof Error ? cause.message : '';
  return /\bOOM\b|^(LOADING|MISCONF|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|BUSY )/.test(message);
}
