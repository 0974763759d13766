/**
 * The service contract. A service is a server that a workload talks to. The bench starts it in a process of
 * its own, outside the measured tree. The service's module exports `start`.
 */
export interface ServiceModule {
  start(options: Readonly<Record<string, unknown>>): Promise<Service>;
}

/** What a service with limits says about itself at `/log`. A POST there also begins a new log. */
export interface ServiceLog {
  /** When requests arrived, ms on the machine's monotonic clock. */
  readonly arrivals: readonly number[];
  readonly refusals: number;
  /** Arrivals that exceeded a limit, in the window that ends with each. */
  readonly violations: number;
}

export interface Service {
  /** The task gets this address as `context.options.service`. */
  readonly address: string;
  close(): Promise<void>;
}
