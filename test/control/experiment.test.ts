import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Block } from '../../control/blocks.js';
import { Experiment, type ProbeOptions } from '../../control/experiment.js';

const [from, to] = [3, 2];

/** A window of four blocks whose rates are this, times these. */
function window(number: number, rate: number, scatter = [0.99, 1, 1, 1.01]): Block[] {
  return scatter.map((factor) => {
    const elapsedMs = 1e6 / (rate * factor);
    return { number, documents: 1000, bytes: 1000, taskMs: number * elapsedMs, elapsedMs, held: number };
  });
}

function experiment(options: Partial<ProbeOptions> = {}): Experiment {
  return new Experiment({
    from,
    to,
    known: [],
    queueing: false,
    window: 4,
    rates: {
      atWork: ({ number, documents, taskMs }) => Math.log((number * documents) / taskMs),
      done: ({ documents, elapsedMs }) => Math.log(documents / elapsedMs),
    },
    onlyPairs: false,
    ...options,
  });
}

describe('a probe', () => {
  it('that compares only pairs does not take a fast phase of the machine for a better number', () => {
    for (const onlyPairs of [false, true]) {
      const probe = experiment({ onlyPairs });
      // The machine becomes faster by a fifth between the two windows.
      probe.add(window(from, 100), true);
      probe.add(window(to, 120), true);
      assert.equal(probe.answer(), onlyPairs ? null : 'better');
    }
  });

  it('that compares only pairs finds what all of them show', () => {
    const probe = experiment({ onlyPairs: true });
    for (const machine of [100, 110, 95, 105]) {
      probe.add(window(from, machine), true);
      probe.add(window(to, machine * 1.5), true);
    }
    assert.equal(probe.changed(), null);
    assert.equal(probe.answer(), 'better');
  });

  it('goes on for twice as long where the other number seems better', () => {
    const windowsUntilAnswer = (gain: number): number => {
      const probe = experiment();
      for (let windows = 1; windows < 100; windows++) {
        const machine = [0.8, 1.2, 1.1, 0.9][windows % 4] as number;
        probe.add(window(from, 100, [0.6, 1.4, 0.7, 1.3]), true);
        probe.add(window(to, 100 * gain * machine, [0.6, 1.4, 0.7, 1.3]), true);
        if (probe.answer() !== null) return windows;
      }
      return Number.POSITIVE_INFINITY;
    };
    const [same, better] = [windowsUntilAnswer(0.97), windowsUntilAnswer(1.06)];
    assert.ok(same <= 8, `${same} windows`);
    assert.ok(better > 8 && better <= 16, `${better} windows`);
  });
});
