import type { LocalReply } from '../../session/outcome.js';
import type { CarriedDocument } from '../../session/reference.js';
import type { LargeParts } from '../../worker/large-parts.js';
import type { OpenResources } from '../../worker/left-open.js';
import type { Connect } from '../../worker/task-end.js';

/** One value for a stage, as the controller has sent it. */
export interface StageInput {
  readonly index: number;
  readonly id: string;
  /** See `StageItem.part`. */
  readonly part: string;
  /** The bytes of a document, for the first stage, or what the stage before has returned. */
  readonly value: unknown;
  readonly by?: CarriedDocument['by'];
}

/** A reply to one value. With `flatMap` its value is an array. */
export interface StageReply {
  readonly reply: LocalReply;
  /** The reply's value has about this size, bytes. */
  readonly bytes: number;
}

/** A worker makes calls of its stages with this. */
export interface Served {
  /** Makes one call of a stage: with one value, or with a batch. Never throws and never rejects. */
  call(stage: number, inputs: readonly StageInput[]): readonly StageReply[] | Promise<readonly StageReply[]>;
  close(): Promise<void>;
}

export interface ServedOptions {
  readonly connect: Connect;
  /** How large parts of results leave the worker; null: in messages. */
  readonly large: 'move' | LargeParts | null;
  /** Called when the task's function is about to be called, once or more for each `call`. */
  begins(): void;
  /** Called when the time limit of a call begins again: it is tried again, or waits for a service. */
  touch(): void;
  /** What was open before the task was loaded: what it opens itself, it should close. */
  readonly before: OpenResources;
}

/** Makes a document again of what the first stage was sent. */
export function documentOf({ index, id, value, by }: StageInput): CarriedDocument {
  const bytes = value as Uint8Array;
  const document: CarriedDocument = { index, id, size: bytes.length, bytes };
  return by === undefined ? document : { ...document, by };
}
