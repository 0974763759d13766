import type { TaskError } from '../../strategies/strategy.js';

/** What passes between the runner and its helper processes, besides the requests themselves. */
export type FromHelper<T, Notice> =
  | { readonly kind: 'answer'; readonly value: T }
  | { readonly kind: 'error'; readonly error: TaskError }
  /** Something said on the way to the answer; the helper waits until the parent has said `noticed`. */
  | { readonly kind: 'notice'; readonly notice: Notice };

export const noticed = 'noticed';
