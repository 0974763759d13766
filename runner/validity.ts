import { effectiveCores } from '../strategies/processes/cores.js';
import type { ValidWhen } from './recommendation.js';

/** Gets each warning once. */
export type Warn = (message: string) => void;

const advice = 'measure again here with `forkwise pick`';

/** Warns when this machine is not the one that the strategy was measured on. */
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
    // Quotas are quotients, so a difference below half a percent is rounding.
    Math.abs(here.cores - valid.cores) > 0.005 * valid.cores &&
      `${valid.cores} effective cores, here ${here.cores}`,
  ].filter((difference) => difference !== false);
  if (differences.length > 0)
    warn(
      `the strategy was measured with ${differences.join('; ')}: it may not be the best one here; ${advice}`,
    );
}

/** This number of documents is compared at a time. */
const sample = 100;
/** The median may be outside the range by this factor, because the range has no sharp ends. */
const leeway = 2;

/**
 * Compares the sizes of documents, and warns at most once. @returns a function that takes the size of each
 * document, bytes
 */
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
      `the strategy was measured on documents of ${p5} to ${p95} bytes (5 % to 95 %), ` +
        `but half of the last ${sample} had ${median > p95 ? 'more' : 'less'} than ${median}: ` +
        `another strategy may be better for them; ${advice}`,
    );
  };
}
