import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import type { Outcome, Strategy } from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';
import { sumOf } from '../../fixtures/tasks/chaos-task.js';
import { commandOf, descendants, isWorker, until } from '../../processes.js';
import { fixture } from '../../support.js';

export interface ChaosOptions {
  readonly documents: number;
  /** A worker is this often killed, stopped, sent into an endless loop, or out of memory. */
  readonly faults: number;
  readonly seed: number;
  /**
   * Time limit of a task, ms. An ordinary task takes microseconds, but may take hundreds of milliseconds on
   * a busy machine.
   */
  readonly timeoutMs: number;
  readonly delivery?: Strategy['deliveries'][number];
}

export interface ChaosReport {
  readonly faults: Readonly<Record<string, number>>;
  /**
   * Counts documents that signals from outside hit twice, or for a long time, so that they have a wrong
   * outcome.
   */
  readonly hit: number;
}

/**
 * A run in which workers end in every way at random moments. Every document has one outcome, the right one,
 * and afterwards no process, thread or descriptor is left. A document that is running when its worker is
 * killed from outside is innocent, and may be hit twice: at most one document per signal may end without a
 * result.
 */
export async function chaos(
  strategy: Strategy,
  { documents, faults, seed, timeoutMs, delivery }: ChaosOptions,
): Promise<ChaosReport> {
  const random = xoroshiro128plus(seed);
  const kinds = ['exit', 'loop', 'heap', ...(strategy.isolation === 'process' ? ['SIGKILL', 'SIGSTOP'] : [])];
  const counts: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  const deeds = new Map<number, string>();
  const signals = new Map<number, NodeJS.Signals>();
  while (deeds.size + signals.size < faults) {
    const kind = kinds[uniformInt(random, 0, kinds.length - 1)] as string;
    const at = uniformInt(random, 0, documents - 1);
    if (deeds.has(at) || signals.has(at)) continue;
    if (kind.startsWith('SIG')) signals.set(at, kind as NodeJS.Signals);
    else deeds.set(at, kind);
    counts[kind] = (counts[kind] ?? 0) + 1;
  }
  const inputs = Array.from({ length: documents }, (_, index): Document => {
    const bytes = new Uint8Array(uniformInt(random, 0, 3000)).fill(index % 251);
    return { index, id: `${deeds.get(index) ?? 'sum'}-${index}`, size: bytes.length, bytes };
  });
  const sums = inputs.map(({ bytes }) => sumOf(bytes));

  const options = {
    workers: 2,
    delivery: delivery ?? strategy.deliveries[0],
    timeoutMs,
    heapMb: 64,
    memoryMb: 256,
  };
  const task = fixture('chaos-task');
  await (await strategy.open(task, options)).close(); // the first worker opens what Node keeps
  const before = leftovers();
  const session = await strategy.open(task, options);
  const outcomes: (Outcome | undefined)[] = [];
  let emitted = 0;
  await session.run(inputs, (outcome) => {
    assert.equal(outcomes[outcome.index], undefined, `two outcomes for ${outcome.id}`);
    outcomes[outcome.index] = outcome;
    const signal = signals.get(emitted++);
    if (signal === undefined) return;
    const workers = descendants(process.pid).filter(isWorker);
    const victim = workers[uniformInt(random, 0, Math.max(0, workers.length - 1))];
    if (victim !== undefined) process.kill(victim, signal);
  });
  await session.close();

  let hit = 0;
  for (const [index, { id }] of inputs.entries()) {
    const outcome = outcomes[index];
    assert.ok(outcome !== undefined, `${id} was lost`);
    const deed = deeds.get(index);
    if (deed === 'exit') assert.equal(outcome.status, 'crashed', id);
    else if (deed === 'loop' && outcome.status === 'crashed')
      hit++; // from outside, twice, before its time was up
    else if (deed === 'loop') assert.equal(outcome.status, 'timed-out', id);
    else if (deed === 'heap')
      assert.ok(['crashed', 'timed-out'].includes(outcome.status), `${id}: ${outcome.status}`);
    else if (outcome.status === 'ok') assert.equal(outcome.value, sums[index], id);
    else hit++;
  }
  assert.ok(hit <= signals.size, `${hit} documents have a wrong outcome, after ${signals.size} signals`);
  const count = ({ children, descriptors, threads }: ReturnType<typeof leftovers>) =>
    children.length + descriptors + threads;
  const deadlineMs = performance.now() + 10_000;
  await until(() => count(leftovers()) <= count(before) || performance.now() > deadlineMs);
  const after = leftovers();
  if (count(after) > count(before)) assert.deepEqual(after, before);
  return { faults: counts, hit };
}

/** Lists the child processes of this process, and counts its descriptors and threads. */
function leftovers() {
  return {
    children: descendants(process.pid).map(commandOf),
    descriptors: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  };
}
