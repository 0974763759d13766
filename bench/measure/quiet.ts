/** Others must have taken less than this share of the machine's time, percent, for this long. */
const maxPercent = 5;
const quietMs = 10_000;
/** The share is looked at this often. */
const stepMs = 1_000;

export interface QuietOptions {
  /** Wait this long at most. */
  readonly maxMs: number;
  /**
   * Starts to watch; the function that is returned gives the share that others took since, null where
   * unknown.
   */
  readonly watch: () => () => number | null;
  readonly pause: (ms: number) => Promise<void>;
  readonly signal: AbortSignal;
}

export interface Quiet {
  /** False where the time was up first. True where the system does not show what others take. */
  readonly quiet: boolean;
  readonly waitedMs: number;
  /** The share that others took over the last ten seconds; null where unknown. */
  readonly othersPercent: number | null;
}

/** Waits until other processes leave the machine alone. It never asks anything. */
export async function waitForQuiet({ maxMs, watch, pause, signal }: QuietOptions): Promise<Quiet> {
  const watching: (() => number | null)[] = [];
  for (let waitedMs = 0; ; waitedMs += stepMs) {
    const isFull = watching.length === quietMs / stepMs;
    const othersPercent = (isFull ? watching.shift() : undefined)?.() ?? null;
    if (isFull && (othersPercent === null || othersPercent < maxPercent))
      return { quiet: true, waitedMs, othersPercent };
    if (waitedMs >= maxMs || signal.aborted) return { quiet: false, waitedMs, othersPercent };
    watching.push(watch());
    await pause(stepMs);
  }
}
