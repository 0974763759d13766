import { type ChildProcess, fork } from 'node:child_process';
import { inheritedFlags } from '../processes/exec-argv.js';
import { killGroup, ownGroup } from '../processes/group.js';
import { processEnd } from '../processes/process-end.js';
import { Reaper } from '../processes/reaper.js';
import { taskOutput } from '../processes/task-output.js';
import { DeathCount } from '../session/attempts.js';
import type { OwnAgentStart } from './protocol.js';

/** An agent process runs this module. */
const entry = new URL('../../agent/own-agent.js', import.meta.url);

export interface OwnAgentsOptions {
  readonly url: string;
  readonly run: string;
  /** There is one agent per number, with this many workers. */
  readonly workers: readonly number[];
  /** An agent has ended without having been told to. @returns whether it had joined the run */
  left(agent: string): boolean;
  /** No agent is left, and none is started any more. */
  stopped(cause: Error): void;
}

/** The agents that a session starts itself, each a process that is replaced when it ends. */
export class OwnAgents {
  readonly #options: OwnAgentsOptions;
  readonly #reaper = new Reaper();
  readonly #deaths = new DeathCount();
  readonly #running = new Map<ChildProcess, Promise<void>>();
  #started = 0;
  #closing = false;

  constructor(options: OwnAgentsOptions) {
    this.#options = options;
    for (const workers of options.workers) this.#start(workers);
  }

  /** Agents that could not be kept running are started again. */
  reset(): void {
    if (this.#deaths.stopped === null) return;
    this.#deaths.reset();
    for (const workers of this.#options.workers) this.#start(workers);
  }

  /** A document was done, so the agents are no reason to give up. */
  progress(): void {
    this.#deaths.progress();
  }

  /** Resolves when all have ended. An agent that has not after this time is killed. */
  async close(graceMs: number): Promise<void> {
    this.#closing = true;
    const timer = setTimeout(() => this.kill(), graceMs);
    await Promise.all(this.#running.values());
    clearTimeout(timer);
    await this.#reaper.close();
  }

  kill(): void {
    this.#closing = true;
    for (const { pid } of this.#running.keys()) if (pid !== undefined) killGroup(pid);
  }

  #start(workers: number): void {
    const { url, run } = this.#options;
    const agent = `agent-${++this.#started}`;
    const child = fork(entry, [], {
      ...ownGroup,
      execArgv: inheritedFlags(),
      serialization: 'advanced',
      stdio: ['ignore', taskOutput(), 2, 'ipc'],
    });
    const { pid } = child;
    if (pid !== undefined) this.#reaper.add(pid);
    const start: OwnAgentStart = { kind: 'start', url, run, agent, workers };
    child.send(start, () => {}); // an agent that has ended is reported by its exit
    const ended = new Promise<void>((resolve) => {
      child.once('error', (cause) => this.#ended(child, agent, workers, cause, resolve));
      child.once('exit', (code, signal) =>
        this.#ended(child, agent, workers, processEnd(code, signal), resolve),
      );
    });
    this.#running.set(child, ended);
  }

  #ended(child: ChildProcess, agent: string, workers: number, cause: Error, resolve: () => void): void {
    if (!this.#running.delete(child)) return;
    const { pid } = child;
    if (pid !== undefined) {
      killGroup(pid); // its workers end with it
      this.#reaper.remove(pid);
    }
    resolve();
    if (this.#closing) return;
    if (this.#options.left(agent)) this.#deaths.endedWithoutResult(cause);
    else this.#deaths.endedBeforeStart(cause);
    const { stopped } = this.#deaths;
    if (stopped === null) this.#start(workers);
    else if (this.#running.size === 0) this.#options.stopped(stopped);
  }
}
