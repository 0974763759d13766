import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';

/** A proxy takes these options. */
export interface ProxyOptions {
  /** Clients connect to this path of a socket, or to this address and port; port 0 is any free one. */
  readonly listen: string | { readonly host: string; readonly port: number };
  /** The server is here. It may start later than the proxy. */
  readonly target: NetConnectOpts;
  /** A request and its answer take this much longer together, ms; half of it in each direction. */
  readonly rttMs: number;
}

/** A proxy that runs in this process. */
export interface NetworkProxy {
  /** Clients that name their server by URL connect here. */
  readonly url: string;
  /** Ends all connections, and each new one at once: the server is gone. */
  cut(): void;
  /** Keeps all connections and carries no byte in either direction: the cable is out. */
  silence(): void;
  /** Carries bytes again, first the ones that were held. */
  join(): void;
  close(): Promise<void>;
}

/**
 * Takes the place of a network between clients and a server on this machine: it delays what goes through, and
 * it can fail. Bytes keep their order and are not limited in rate.
 */
export async function startProxy(options: ProxyOptions): Promise<NetworkProxy> {
  const { listen, target, rttMs } = options;
  const sockets = new Set<Socket>();
  const line = new DelayLine(rttMs / 2);
  let isCut = false;
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    if (isCut) return void client.destroy();
    const upstream = connect({ ...target, allowHalfOpen: true });
    upstream.setNoDelay(true);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on('data', (bytes) => line.send({ bytes, from, to }));
      from.on('end', () => line.send({ bytes: null, from, to }));
      from.on('error', () => to.destroy());
      from.on('close', () => sockets.delete(from));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(typeof listen === 'string' ? { path: listen } : listen, resolve);
  });
  const address = server.address();
  const cut = () => {
    for (const socket of sockets) socket.destroy();
    line.clear();
  };
  return {
    url: typeof address === 'string' ? address : `redis://${address?.address}:${address?.port}`,
    cut() {
      isCut = true;
      cut();
    },
    silence: () => line.stop(),
    join() {
      isCut = false;
      line.go();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      cut();
      await closed;
    },
  };
}

interface Held {
  /** Null: the sender has ended its side. */
  readonly bytes: Buffer | null;
  readonly from: Socket;
  readonly to: Socket;
}

/** While something is held, its time is looked at this often, ms. Node's own timers are too coarse: 1 ms. */
const beatMs = 0.1;
const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Holds everything for the same time, so that the first one in is the first one out. */
class DelayLine {
  readonly #delayMs: number;
  #held: (Held & { readonly dueMs: number })[] = [];
  #stopped = false;
  #isBeating = false;

  constructor(delayMs: number) {
    this.#delayMs = delayMs;
  }

  send(one: Held): void {
    if (this.#delayMs === 0 && !this.#stopped && this.#held.length === 0) {
      deliver(one);
      return;
    }
    this.#held.push({ ...one, dueMs: performance.now() + this.#delayMs });
    this.#beat();
  }

  stop(): void {
    this.#stopped = true;
  }

  go(): void {
    this.#stopped = false;
    this.#beat();
  }

  clear(): void {
    this.#held = [];
  }

  /** This thread sleeps, because it has nothing else to do, and looks for new bytes after each sleep. */
  #beat(): void {
    if (this.#isBeating || this.#stopped || this.#held.length === 0) return;
    this.#isBeating = true;
    setImmediate(() => {
      this.#isBeating = false;
      const first = this.#held[0];
      if (first === undefined || this.#stopped) return;
      const leftMs = first.dueMs - performance.now();
      if (leftMs > 0) Atomics.wait(sleeper, 0, 0, Math.min(leftMs, beatMs));
      const now = performance.now();
      let due = 0;
      while (due < this.#held.length && (this.#held[due]?.dueMs ?? 0) <= now) due++;
      for (const one of this.#held.splice(0, due)) deliver(one);
      this.#beat();
    });
  }
}

function deliver({ bytes, from, to }: Held): void {
  if (bytes === null) return void to.end();
  if (to.destroyed || to.write(bytes)) return;
  from.pause();
  to.once('drain', () => from.resume());
}
