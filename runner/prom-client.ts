import { Counter, Gauge, type Registry, register as usual } from 'prom-client';
import type { Runner, RunnerStats } from './runner.js';

export interface MetricsOptions {
  /** Absent: prom-client's own. */
  readonly register?: Registry;
  /** Of every name; two runners in one register need two. */
  readonly prefix?: string;
}

/**
 * Shows a runner's counters to Prometheus: they are read when they are asked for, and cost nothing in between. Times are in seconds and
 * sizes in bytes, as Prometheus has them.
 * @returns what takes them out of the register again
 * @throws Error of prom-client when a name is taken
 */
export function collectMetrics(
  runner: Pick<Runner, 'stats'>,
  { register = usual, prefix = 'forkwise_' }: MetricsOptions = {},
): () => void {
  const names: string[] = [];
  const options = (name: string, help: string) => {
    names.push(`${prefix}${name}`);
    return { name: `${prefix}${name}`, help, registers: [register] };
  };
  const counter = (name: string, help: string, value: (stats: RunnerStats) => number) =>
    new Counter({
      ...options(name, help),
      collect() {
        this.reset(); // it is counted elsewhere
        this.inc(value(runner.stats()));
      },
    });
  const gauge = (name: string, help: string, value: (stats: RunnerStats) => number) =>
    new Gauge({
      ...options(name, help),
      collect() {
        this.set(value(runner.stats()));
      },
    });
  new Counter({
    ...options('documents_total', 'Documents by what became of them'),
    labelNames: ['status'],
    collect() {
      this.reset();
      for (const [status, count] of Object.entries(runner.stats().outcomes)) this.inc({ status }, count);
    },
  });
  counter('document_bytes_total', 'Bytes of the documents that have an outcome', ({ bytes }) => bytes);
  counter(
    'task_seconds_total',
    'Time spent in tasks, by the clocks of the workers',
    ({ busyMs }) => busyMs / 1e3,
  );
  counter(
    'queue_seconds_total',
    'Time documents have waited until their task began',
    ({ queuedMs }) => queuedMs / 1e3,
  );
  gauge('documents_in_flight', 'Documents with the strategy', ({ inFlight }) => inFlight);
  gauge('documents_queued', 'Documents accepted and not with the strategy yet', ({ queued }) => queued);
  gauge('workers', 'Worker threads or processes, or documents in flight of async', ({ workers }) => workers);
  return () => {
    for (const name of names) register.removeSingleMetric(name);
  };
}
