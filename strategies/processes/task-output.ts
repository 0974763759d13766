let redirected = false;

/**
 * Sends to standard error what tasks print in worker processes that start from now on. A command needs
 * standard output for itself.
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
