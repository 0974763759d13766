import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ProxyRequest } from '../network/proxy-host.js';
import { Helper } from './helper.js';
import type { HelperProcesses } from './helper-processes.js';

/** One trial has this folder for its broker, and a proxy before it in a process of its own. */
export interface Network {
  readonly brokerFolder: string;
  /** Clients connect to this path of a socket. */
  readonly proxy: string;
  /** The proxy's process is neither part of what is measured nor noise. */
  readonly pid: number;
  end(): void;
}

/** The proxy connects when a client does, so the trial may start the broker later. */
export async function startNetwork(helpers: HelperProcesses, rttMs: number): Promise<Network> {
  const folder = mkdtempSync(join(helpers.folder, 'broker-'));
  const host = new Helper(helpers, new URL('../network/proxy-host.js', import.meta.url));
  const end = () => {
    host.end();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const proxy = await host.ask<string>({
      listen: join(folder, 'proxy.sock'),
      target: join(folder, 'redis.sock'),
      rttMs,
    } satisfies ProxyRequest);
    return { brokerFolder: folder, proxy, pid: host.pid, end };
  } catch (cause) {
    end();
    throw cause;
  }
}
