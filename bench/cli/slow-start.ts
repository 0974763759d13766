import { clearTimeout, setTimeout } from 'node:timers';

/** A start that takes longer is said to be slow, ms. */
const slowStartMs = 10_000;

export interface SlowStartOptions {
  readonly say: (text: string) => void;
  /** Absent: 10 s. */
  readonly afterMs?: number;
}

/** Waits for a session that opens, and says once if it takes long: a `setup` that hangs is silent itself. */
export async function noteSlowStart<Opened>(
  opening: Promise<Opened>,
  { say, afterMs = slowStartMs }: SlowStartOptions,
): Promise<Opened> {
  const timer = setTimeout(
    () =>
      say(
        `no document has begun after ${afterMs / 1000} s: workers are still loading the task, ` +
          'or are in its `setup`; Ctrl-C ends the job',
      ),
    afterMs,
  ).unref();
  try {
    return await opening;
  } finally {
    clearTimeout(timer);
  }
}
