import type { outOfMemoryCode } from './limits.js';

/** How a process ended, in words and, where there was one, by code or signal. */
export interface ProcessEnd {
  readonly message: string;
  readonly exitCode?: number;
  readonly signal?: string;
  /** Node's errors state their kind here, for instance that a worker's memory was exhausted. */
  readonly code?: typeof outOfMemoryCode;
}

/** Describes the end of a process by the arguments of its `exit` event. */
export function processEnd(code: number | null, signal: string | null): ProcessEnd {
  const message = `worker process ended with ${signal ?? `exit code ${code}`}`;
  return { message, ...(code !== null && { exitCode: code }), ...(signal !== null && { signal }) };
}
