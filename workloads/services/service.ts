/**
 * The service contract. A service is a server that a workload talks to. The bench starts it in a process of
 * its own, outside the measured tree. The service's module exports `start`.
 */
export interface ServiceModule {
  start(options: Readonly<Record<string, unknown>>): Promise<Service>;
}

export interface Service {
  /** The task gets this address as `context.options.service`. */
  readonly address: string;
  close(): Promise<void>;
}
