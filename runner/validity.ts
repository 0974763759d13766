import { effectiveCores } from '../strategies/processes/cores.js';
import type { ValidWhen } from './recommendation.js';

/** Says once what is other than where the strategy was measured. */
export type Warn = (message: string) => void;

const advice = 'measure again here with `forkwise pick`';

/** Compares this machine. */
export function checkEnvironment(valid: ValidWhen, warn: Warn): void {
  const here = {
    nodeMajor: Number(process.versions.node.split('.')[0]),
    platform: process.platform,
    arch: process.arch,
    cores: effectiveCores().effective,
  };
  const differences = [
    here.nodeMajor !== valid.nodeMajor && `Node ${valid.nodeMajor}, here ${here.nodeMajor}`,
    (here.platform !== valid.platform || here.arch !== valid.arch) &&
      `${valid.platform} ${valid.arch}, here ${here.platform} ${here.arch}`,
    // Half a percent of a core is no difference: quotas are quotients.
    Math.abs(here.cores - valid.cores) > 0.005 * valid.cores &&
      `${valid.cores} effective cores, here ${here.cores}`,
  ].filter((difference) => difference !== false);
  if (differences.length > 0)
    warn(
      `the strategy was measured with ${differences.join('; ')}: it may not be the best one here; ${advice}`,
    );
}

/** So many documents are looked at together. */
const sample = 100;
/** Their median may leave the range by so much: it is no sharp one. */
const leeway = 2;

/** Looks at the sizes of documents, and warns at most once. @returns what is to be told each size, bytes */
export function sizeCheck({ documentBytes: { p5, p95 } }: ValidWhen, warn: Warn): (bytes: number) => void {
  let sizes: number[] = [];
  let done = false;
  return (bytes) => {
    if (done) return;
    sizes.push(bytes);
    if (sizes.length < sample) return;
    const median = sizes.sort((a, b) => a - b)[sample / 2] as number;
    sizes = [];
    if (median >= p5 / leeway && median <= p95 * leeway) return;
    done = true;
    warn(
      `the strategy was measured on documents of ${p5} to ${p95} bytes (5 % to 95 %), and half of the last ${sample} had ${median > p95 ? 'more' : 'less'} than ${median}: another strategy may be better for them; ${advice}`,
    );
  };
}
