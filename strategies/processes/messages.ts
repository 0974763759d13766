import type { ChannelEnvelope, FromTask } from '../session/side-channel-protocol.js';
import type { TaskError } from '../strategy.js';
import type { LastWords } from '../worker/last-words.js';
import type { FileOffer } from './result-file.js';

/** Every child sends these beside its answers: see `protocol.ts` of a strategy that has children. */
export type FromEveryChild =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly error: TaskError }
  | { readonly kind: 'began'; readonly request?: number }
  /** The time limit of a request begins again: its document is tried again, or waits for a service. */
  | { readonly kind: 'touched'; readonly request?: number }
  | { readonly kind: 'near-limit' }
  /** A thread of the child has ended, and no outcome shows it. */
  | { readonly kind: 'hidden end'; readonly error: TaskError }
  /** The child has no thread any more, and its documents have crashed until a run begins. */
  | { readonly kind: 'abandoned'; readonly error: TaskError }
  | LastWords
  | FileOffer
  | ChannelEnvelope<FromTask>;

/** A child that serves several requests at the same time names the one that a message is about. */
export interface Numbered {
  /** Absent: the oldest one. */
  readonly request?: number;
}
