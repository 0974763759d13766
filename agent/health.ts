import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An agent tells this about itself. */
export interface Health {
  /** It takes documents, opens a session for a run, waits for its broker, or takes no more and ends. */
  readonly state: 'ready' | 'starting' | 'no broker' | 'draining';
  /** Documents that it has, and that have no outcome yet. */
  readonly documents: number;
  /** Runs that it works for. */
  readonly runs: number;
  /** Documents by the status of their outcome, since the agent started. */
  readonly outcomes: Readonly<Record<'ok' | 'failed' | 'timed-out' | 'crashed', number>>;
  /** Batches that other agents had before, since the agent started. */
  readonly redelivered: number;
}

export interface HealthServer {
  /** It listens on this port. */
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Answers probes over HTTP, on all addresses of the machine. `/live` is 200 as long as the agent's event loop
 * turns. `/ready` is 200 while it takes documents, and else 503. Both have the same JSON.
 * @throws Error when the port is taken
 */
export async function serveHealth(port: number, health: () => Health): Promise<HealthServer> {
  const server = createServer(({ url }, response) => {
    const path = url?.split('?')[0];
    if (path !== '/live' && path !== '/ready') {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('expected /live or /ready\n');
      return;
    }
    const found = health();
    const code = path === '/ready' && found.state !== 'ready' ? 503 : 200;
    response.writeHead(code, { 'content-type': 'application/json' }).end(`${JSON.stringify(found)}\n`);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
