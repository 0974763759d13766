import { appendFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Stage } from '../../../workloads/stages/stages.js';
import type { Context, Document } from '../../../workloads/workload.js';

/** What one stage does with a value: see `test:pipeline`. */
export interface Plan {
  readonly waitMs?: number;
  /** Waiting times are exponentially distributed, and `waitMs` is their mean. */
  readonly isRandom?: boolean;
  /** It waits this many times as long from `slowAt` on, ms since 1970. */
  readonly slowBy?: number;
  readonly slowAt?: number;
  readonly computeMs?: number;
  /** Each worker of the stage needs this time to start. */
  readonly setupMs?: number;
  /** It returns this many bytes instead of what it got. */
  readonly bytes?: number;
  /** It appends a line to this file for each setup. */
  readonly setups?: string;
  /** A document whose id begins with this needs more heap than there is. */
  readonly heap?: string;
}

/** Makes a stage that does what `options.plans` says at this place. */
export function planned(name: string, at: number): Stage {
  const planOf = (options: Context['options']) => (options.plans as readonly Plan[])[at] ?? {};
  return {
    name,
    async setup(options) {
      const { setupMs = 0, setups } = planOf(options);
      if (setups !== undefined) appendFileSync(setups, `${name}\n`);
      if (setupMs > 0) await wait(setupMs);
    },
    run(value, { options }) {
      const plan = planOf(options);
      const { index, id } = value as Pick<Document, 'index' | 'id'>;
      if (plan.heap !== undefined && id.startsWith(plan.heap)) fillHeap();
      if (plan.computeMs !== undefined) compute(plan.computeMs);
      const passed = {
        index,
        id,
        bytes: plan.bytes === undefined ? (value as Document).bytes : new Uint8Array(plan.bytes),
      };
      const ms = waitingMs(plan, index, at);
      return ms === 0 ? passed : wait(ms, passed);
    },
  };
}

function waitingMs({ waitMs = 0, isRandom, slowBy = 1, slowAt }: Plan, index: number, at: number): number {
  const factor = slowAt !== undefined && Date.now() >= slowAt ? slowBy : 1;
  return waitMs * factor * (isRandom ? -Math.log(1 - uniform(index * 16 + at)) : 1);
}

/** The number's hash, between 0 and 1: a seed of its own for each value. */
function uniform(seed: number): number {
  let hash = Math.imul(seed + 1, 0x9e3779b1);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

/** Computes a fixed number of steps that take about this time, so that two strategies do the same work. */
function compute(ms: number): void {
  let sum = 0;
  for (let step = 0; step < ms * stepsPerMs; step++) sum += Math.sqrt(step);
  if (Number.isNaN(sum)) throw new Error('expected a number');
}

const stepsPerMs = 240_000;

function fillHeap(): void {
  let list: object = {};
  for (;;) list = { list };
}
