/** One thing that was looked at. `unknown`: the host does not say, which is not the same as fine. */
export interface Finding {
  readonly name: string;
  readonly level: 'ok' | 'note' | 'unfit' | 'unknown';
  readonly said: string;
  /** What the user may do about it; nothing is ever changed on the host. */
  readonly remedy?: string;
}
