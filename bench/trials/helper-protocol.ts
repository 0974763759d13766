import type { TaskError } from '../../strategies/strategy.js';

/** The messages that a helper process sends to the runner. A request of the runner has no envelope. */
export type FromHelper<T, Notice> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'error'; readonly error: TaskError }
  /** News before the answer is ready. The helper process waits until its parent has replied `noticed`. */
  | { readonly kind: 'notice'; readonly notice: Notice };

export const noticed = 'noticed';
