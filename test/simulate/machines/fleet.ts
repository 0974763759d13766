import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { type OwnRedis, startRedis } from '../../../strategies/broker/own-redis.js';
import { killGroup, ownGroup } from '../../../strategies/processes/group.js';
import { Reaper } from '../../../strategies/processes/reaper.js';
import type { BrokerOptions } from '../../../strategies/strategy.js';
import { cliPath } from '../../support.js';

/**
 * Times of the locks in these checks, the usual ones. A lost batch is found after `lockMs` + 2 × `sweepMs` at
 * the latest, so 3 s between sweeps would not keep a recovery within 10 s.
 */
export const times = { lockMs: 5000, sweepMs: 1500 } satisfies BrokerOptions;

/** One broker, and agents as `forkwise agent` starts them on other machines. */
export class TestFleet {
  readonly folder = mkdtempSync(join(tmpdir(), 'forkwise-machines-'));
  readonly agents: ChildProcess[] = [];
  /** Ends the agents when this process is killed. */
  readonly #reaper = new Reaper();
  readonly #options: { readonly append?: true; readonly maxMemoryMb?: number };
  #redis: OwnRedis | null = null;

  constructor(options: { readonly append?: true; readonly maxMemoryMb?: number } = {}) {
    this.#options = options;
  }

  get redis(): OwnRedis {
    if (this.#redis === null) throw new Error('the broker was not started');
    return this.#redis;
  }

  /** Starts the broker, or starts it again in the same folder. */
  async startRedis(): Promise<void> {
    this.#redis = await startRedis({ folder: this.folder, ...this.#options });
  }

  /**
   * Starts an agent with one worker.
   * @param url the agent reaches the broker here
   * @param through a command that runs the agent elsewhere, such as in another network
   */
  startAgent(url = this.redis.url, through: readonly string[] = []): ChildProcess {
    const agent = [process.execPath, cliPath, 'agent', '--broker', url, '--accept', 'any', '--workers', '1'];
    const [command, ...args] = [...through, ...agent] as [string, ...string[]];
    const child = spawn(command, args, { ...ownGroup, stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (process.env.FORKWISE_AGENTS !== undefined) process.stderr.write(text);
    });
    if (child.pid !== undefined) this.#reaper.add(child.pid);
    this.agents.push(child);
    return child;
  }

  /** Kills an agent with its workers, and starts another one in its place. */
  replace(agent: ChildProcess): void {
    killGroup(agent.pid as number);
    this.agents.splice(this.agents.indexOf(agent), 1);
    this.startAgent();
  }

  /** The question has a connection of its own to the broker. */
  async ask<Answer>(question: (client: Redis) => Promise<Answer>): Promise<Answer> {
    const client = new Redis(this.redis.url);
    try {
      return await question(client);
    } finally {
      client.disconnect();
    }
  }

  async usedMemory(): Promise<number> {
    const info = await this.ask((client) => client.info('memory'));
    return Number(/^used_memory:(\d+)/m.exec(info)?.[1]);
  }

  /** Agents end in order, and two sweeps later no key may be left. @returns the keys that are */
  async keysAfterEnd(): Promise<string[]> {
    const ended = this.agents.map((agent) => new Promise((resolve) => agent.once('exit', resolve)));
    for (const agent of this.agents) agent.kill('SIGTERM');
    await Promise.all(ended);
    this.agents.length = 0;
    await sleep(2 * times.sweepMs);
    return this.ask((client) => client.keys('*'));
  }

  async end(): Promise<void> {
    for (const { pid } of this.agents) if (pid !== undefined) killGroup(pid);
    await this.#redis?.close();
    await this.#reaper.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The file into which `once-each-task` writes a line per run of a document. */
export class RunsFile {
  readonly path: string;

  constructor(folder: string) {
    this.path = join(folder, 'runs.txt');
  }

  get runs(): number {
    return existsSync(this.path) ? readFileSync(this.path, 'latin1').split('\n').length - 1 : 0;
  }
}
