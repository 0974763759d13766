import { Counter, Gauge, type Registry, register as usual } from 'prom-client';
import type { Runner, RunnerStats } from './runner.js';

/** `collectMetrics` takes these options. */
export interface MetricsOptions {
  /** The register that gets the metrics. Absent: prom-client's default one. */
  readonly register?: Registry;
  /**
   * Every name begins with it, `forkwise_` where it is absent. Two runners in one register need two prefixes.
   */
  readonly prefix?: string;
}

/**
 * Shows a runner's counters to Prometheus. They are read when the register is asked for its metrics, and cost
 * nothing in between. Times are in seconds and sizes in bytes, as is usual for Prometheus.
 * @returns a function that removes the metrics from the register
 * @throws Error of prom-client when the register already has one of the names
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
        this.reset(); // the runner counts, so the counter takes its value over
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
    ...options('documents_total', 'Documents by the status of their outcome'),
    labelNames: ['status'],
    collect() {
      this.reset();
      for (const [status, count] of Object.entries(runner.stats().outcomes)) this.inc({ status }, count);
    },
  });
  counter(
    'documents_cancelled_total',
    'Documents that were cancelled, and have no outcome',
    ({ cancelled }) => cancelled,
  );
  counter('document_bytes_total', 'Bytes of the documents that have an outcome', ({ bytes }) => bytes);
  counter(
    'task_seconds_total',
    'Time spent in tasks, by the clocks of the workers',
    ({ busyMs }) => busyMs / 1e3,
  );
  counter(
    'queue_seconds_total',
    'Time that documents waited until their task began',
    ({ queuedMs }) => queuedMs / 1e3,
  );
  counter(
    'workers_replaced_total',
    'Workers that were replaced because they were near their limit of memory',
    ({ replaced }) => replaced,
  );
  gauge('documents_in_flight', 'Documents that the strategy has', ({ inFlight }) => inFlight);
  gauge('documents_queued', 'Documents that are accepted and wait for the strategy', ({ queued }) => queued);
  gauge('workers', 'Worker threads or processes, or documents in flight of async', ({ workers }) => workers);
  if (runner.stats().adaptive !== undefined) collectAdaptive();
  return () => {
    for (const name of names) register.removeSingleMetric(name);
  };

  /** The number of documents at the same time, where it follows the load. */
  function collectAdaptive(): void {
    gauge(
      'documents_at_once',
      'Documents that each worker runs at the same time; documents in flight of async',
      ({ adaptive }) => adaptive?.number ?? 0,
    );
    gauge('documents_at_once_low', 'The lowest such number so far', ({ adaptive }) => adaptive?.low ?? 0);
    gauge('documents_at_once_high', 'The highest such number so far', ({ adaptive }) => adaptive?.high ?? 0);
    counter(
      'documents_at_once_moves_total',
      'How often that number has moved; probes do not count',
      ({ adaptive }) => adaptive?.moves ?? 0,
    );
    new Counter({
      ...options('documents_at_once_decisions_total', 'Decisions about that number by their kind'),
      labelNames: ['kind'],
      collect() {
        this.reset();
        const decisions = runner.stats().adaptive?.decisions ?? {};
        for (const [kind, count] of Object.entries<number>(decisions)) this.inc({ kind }, count);
      },
    });
  }
}
