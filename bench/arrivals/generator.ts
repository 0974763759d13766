import { execFileSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { now } from '../../strategies/worker/clock.js';
import { answerRequests } from '../trials/answer.js';
import {
  encodeMessage,
  type GeneratorRecord,
  type GeneratorRequest,
  messageBytes,
} from './generator-protocol.js';
import { scheduleOf } from './schedule.js';

/**
 * The process that says when documents are due. It lies outside the measured tree and sends only numbers, so
 * it needs little of a core. It sleeps in `Atomics.wait`, which wakes within a tenth of a millisecond, where
 * a timer is late by up to one; and it writes all that is due at once, at most once in `pauseMs`.
 */

/** Shortest time between two writes, ms. A write wakes two processes: most of what the generator costs. */
const pauseMs = 1.25;
/** The start lies this far ahead, ms: the host has then read the first message. */
const leadMs = 50;

answerRequests(async ({ pipe, schedule: options }: GeneratorRequest): Promise<GeneratorRecord> => {
  raisePriority();
  const schedule = scheduleOf(options);
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  const message = Buffer.alloc(messageBytes);
  const file = openSync(pipe, 'w'); // waits for the host to open it
  try {
    const startMs = now() + leadMs;
    encodeMessage(message, startMs, 0);
    writeSync(file, message);
    const before = process.cpuUsage();
    let sent = 0;
    while (sent < schedule.length) {
      const waitMs = Math.max(pauseMs, startMs + (schedule[sent] as number) - now());
      Atomics.wait(sleeper, 0, 0, waitMs);
      const atMs = now();
      while (sent < schedule.length && startMs + (schedule[sent] as number) <= atMs) sent++;
      encodeMessage(message, atMs, sent);
      writeSync(file, message);
    }
    const { user, system } = process.cpuUsage(before);
    return { cpuMs: (user + system) / 1000, wallMs: now() - startMs };
  } finally {
    closeSync(file);
  }
});

/**
 * Makes the generator less late on a busy machine. A thread of the class FIFO gets a core at once; any other
 * waits until the slice of a thread that computes is over, which takes two to three milliseconds. Many users
 * may have neither that class nor a higher priority: the lateness is measured in any case.
 */
function raisePriority(): void {
  try {
    execFileSync('chrt', ['--fifo', '--pid', '1', String(process.pid)], { stdio: 'ignore' });
  } catch {
    try {
      setPriority(constants.priority.PRIORITY_HIGH);
    } catch {}
  }
}
