let descriptor: 1 | 2 = 1;

/**
 * From now on, what tasks print in new worker processes goes to standard error: a command needs standard output for
 * itself.
 */
export function printToStandardError(): void {
  descriptor = 2;
}

/** The descriptor of this process that a worker process prints to. */
export function taskOutput(): 1 | 2 {
  return descriptor;
}
