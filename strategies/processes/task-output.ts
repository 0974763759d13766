let redirected = false;

/**
 * From now on, what tasks print in new worker processes goes to standard error: a command needs standard output for
 * itself.
 */
export function printToStandardError(): void {
  redirected = true;
}

export function isRedirected(): boolean {
  return redirected;
}

/** A worker process prints to this descriptor of its parent. */
export function taskOutput(): 1 | 2 {
  return redirected ? 2 : 1;
}
