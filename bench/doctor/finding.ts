/**
 * The result of one check. `unknown` means that the host does not report it, which is not the same as fine.
 */
export interface Finding {
  readonly name: string;
  readonly level: 'ok' | 'note' | 'unfit' | 'unknown';
  readonly said: string;
  /** The user can do this about it. forkwise itself never changes anything on the host. */
  readonly remedy?: string;
}
