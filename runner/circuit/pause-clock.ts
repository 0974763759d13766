import { clearTimeout, setTimeout } from 'node:timers';
import { maxTimerMs } from '../../services/circuit.js';
import { now } from '../../strategies/worker/clock.js';

/** Pauses are measured on this clock. Tests bring one of their own. */
export interface PauseClock {
  /** Milliseconds since any fixed moment. They never run backwards. */
  now(): number;
  /** Calls once, after this time or a little earlier. Returns a function that takes the call back. */
  after(ms: number, call: () => void): () => void;
}

export const machineClock: PauseClock = {
  now,
  after(ms, call) {
    const timer = setTimeout(call, Math.min(Math.max(1, Math.ceil(ms)), maxTimerMs));
    return () => clearTimeout(timer);
  },
};
