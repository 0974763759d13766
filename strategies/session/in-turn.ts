import type { Emit, Outcome } from '../strategy.js';

/**
 * Emits batches in the order in which they came, one outcome after the other, and waits for a slow consumer.
 */
export function inTurn(emit: Emit): (outcomes: readonly Outcome[]) => Promise<void> {
  let last: Promise<void> = Promise.resolve();
  return (outcomes) => {
    last = last.then(async () => {
      for (const outcome of outcomes) {
        const slow = emit(outcome);
        if (slow) await slow;
      }
    });
    return last;
  };
}
