import type { ScheduleOptions } from './schedule.js';

/**
 * The runner asks the generator process for one schedule. The generator writes messages of 16 bytes into a
 * named pipe, and the trial host reads them: a Float64 with the instant of writing (ms on the machine's
 * clock), and a Float64 with how many documents of the schedule are due by then. The first message has a
 * count of 0, and its instant is the start of the schedule.
 */
export interface GeneratorRequest {
  readonly pipe: string;
  readonly schedule: ScheduleOptions;
}

/** The generator's answer, once all documents are sent. */
export interface GeneratorRecord {
  /** CPU time that sending took, ms. */
  readonly cpuMs: number;
  /** Time from the start until the last document was sent, ms. */
  readonly wallMs: number;
}

export const messageBytes = 16;

export function encodeMessage(message: Buffer, atMs: number, count: number): void {
  message.writeDoubleLE(atMs, 0);
  message.writeDoubleLE(count, 8);
}

/** Calls `each` with every whole message; returns the bytes of a message that has not arrived whole. */
export function decodeMessages(bytes: Buffer, each: (atMs: number, count: number) => void): Buffer {
  let offset = 0;
  for (; offset + messageBytes <= bytes.length; offset += messageBytes)
    each(bytes.readDoubleLE(offset), bytes.readDoubleLE(offset + 8));
  return bytes.subarray(offset);
}
