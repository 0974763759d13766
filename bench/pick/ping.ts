import { Agent, get } from 'node:http';
import { quantile } from '../stats/estimate.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import { brokerThere } from '../trials/agents-there.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import { type Cell, openingOf, sourceCell } from '../trials/plan.js';
import { estimateTrialMs, warmupDocuments } from '../trials/timing.js';
import type { PingNotice, PingRecord, PingRequest } from './ping-host.js';

/**
 * Milliseconds between requests. A request is sent when it is due, even if earlier ones are unanswered: a
 * client that waits for each answer sends nothing while the server is blocked, and so misses the longest
 * delays.
 */
const everyMs = 5;
const pingTiming = { timeMs: 1500, warmupMs: 60, maxWarmupMs: 300 };
/** The host is ended after this factor of the expected time, and a minute more. */
const patience = { factor: 20, ms: 60_000 };

/**
 * Measures how long a server in the caller's own process takes to answer while the strategy works.
 * @throws Error when the strategy's process died or never answered
 */
export async function measurePing(
  helpers: HelperProcesses,
  cell: Cell,
  cores: number,
): Promise<ResponsivenessRow> {
  const host = new Helper(helpers, new URL('./ping-host.js', import.meta.url));
  const request: PingRequest = {
    strategy: cell.strategy.url,
    workload: cell.workload.ref,
    corpus: cell.corpus.file,
    documents: cell.corpus.documents,
    warmupDocuments: warmupDocuments(cell, pingTiming),
    maxWarmupMs: pingTiming.maxWarmupMs,
    timeMs: pingTiming.timeMs,
    ...openingOf(cell),
    ...(cell.brokerUrl !== undefined && brokerThere(cell.brokerUrl)),
  };
  let pings: Pings | null = null;
  try {
    const record = await host.ask<PingRecord, PingNotice>(request, {
      timeoutMs: patience.ms + patience.factor * estimateTrialMs(cell, pingTiming, cores),
      onNotice: async (notice) => {
        if (notice.state === 'listening') pings = new Pings(notice.port);
        else await pings?.stop();
      },
    });
    const ms = await ((pings as Pings | null)?.stop() ?? []);
    return {
      workload: cell.workload.ref.name,
      corpus: cell.corpus.name,
      source: sourceCell(cell.corpus),
      strategy: cell.strategy.strategy.name,
      workers: cell.workers,
      delivery: cell.delivery,
      per_worker: cell.perWorker ?? null,
      pings: ms.length,
      ping_p50_ms: quantile(ms, 0.5) ?? 0,
      ping_p99_ms: quantile(ms, 0.99) ?? 0,
      ping_max_ms: Math.max(0, ...ms),
      documents_per_second: (1000 * record.documents) / record.wallMs,
    };
  } finally {
    await (pings as Pings | null)?.stop();
    host.end();
  }
}

/** Sends requests at fixed times and times each of them from the moment it was due. */
class Pings {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #answers: Promise<number | null>[] = [];
  readonly #timer: NodeJS.Timeout;
  readonly #startedMs = performance.now();
  #stopped: Promise<number[]> | null = null;

  constructor(port: number) {
    this.#timer = setInterval(() => this.#due(port), everyMs);
  }

  /**
   * Sends all requests that are due by now: if our timer fires late, that must not hide a delay of the
   * server.
   */
  #due(port: number): void {
    for (;;) {
      const dueMs = this.#startedMs + everyMs * (this.#answers.length + 1);
      if (dueMs > performance.now()) return;
      this.#answers.push(this.#ping(port, dueMs));
    }
  }

  #ping(port: number, dueMs: number): Promise<number | null> {
    return new Promise((resolve) => {
      get({ host: '127.0.0.1', port, agent: this.#agent }, (response) => {
        response.resume().on('end', () => resolve(performance.now() - dueMs));
      }).on('error', () => resolve(null)); // the server has ended already
    });
  }

  /** @returns how long each answer took, milliseconds, once all have arrived */
  stop(): Promise<number[]> {
    clearInterval(this.#timer);
    this.#stopped ??= Promise.all(this.#answers).then((answers) => {
      this.#agent.destroy();
      return answers.filter((ms) => ms !== null);
    });
    return this.#stopped;
  }
}
