import type { Environment } from '../tables/environment.js';
import { number } from './units.js';

/** An engine that got this share of the warm-up that it needs is about as fast as it will be. */
const enough = 0.8;

/** Says that trials were too short for a task to warm up; null if they were not, or nothing is known. */
export function coldText({ workload, warmup }: Environment['corpora'][number]): string | null {
  if (warmup === undefined || warmup.given_ms >= enough * warmup.needed_ms) return null;
  const [needed, given] = [warmup.needed_ms, warmup.given_ms].map((ms) => `${number(ms / 1e3)} s`);
  return (
    `each engine warmed up with ${given} of work, and ${workload} needs about ${needed}: ` +
    'a long run may be faster, above all with several workers'
  );
}
