/**
 * The service contract: something a workload talks to, started by the runner in a process of its own, outside the
 * measured tree. A service module exports `start` as below.
 */
export interface ServiceModule {
  start(options: Readonly<Record<string, unknown>>): Promise<Service>;
}

export interface Service {
  /** What reaches the task as `context.options.service`. */
  readonly address: string;
  close(): Promise<void>;
}
