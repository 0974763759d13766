import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { lostAtEnd } from '../../bench/trials/trial.js';
import { inNewRun, newRun } from '../../bench/verdict/new-run.js';
import { trial } from '../rows.js';

describe('what a new run does', () => {
  it('is foretold 95 times in 100', () => {
    const random = xoroshiro128plus(5);
    const uniform = () => (random.next() >>> 0) / 2 ** 32;
    const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
    const rate = (run: number) => 100 * Math.exp(run + 0.05 * normal());
    let held = 0;
    for (let i = 0; i < 1000; i++) {
      const { low, high } = newRun(
        Array.from({ length: 10 }, (_, round) =>
          trial({ round: round + 1, documents_per_second: rate(0), wall_ms: 250 }),
        ),
      );
      const next = rate(0.05 * normal()); // another run is another day
      if (next >= (low as number) && next <= (high as number)) held++;
    }
    assert.ok(held > 920 && held < 980, String(held));
  });

  it('is foretold by the long trials where there are enough, and not at all by one trial', () => {
    const short = Array.from({ length: 6 }, (_, round) =>
      trial({ round: round + 1, documents_per_second: 10, screening: true }),
    );
    const long = Array.from({ length: 5 }, (_, round) =>
      trial({ round: round + 7, documents_per_second: 50 }),
    );
    assert.equal(Math.round(newRun([...short, ...long]).mean), 50);
    assert.ok(newRun([...short, ...long.slice(1)]).mean < 50);
    const { mean, low, high } = newRun(long.slice(0, 1));
    assert.deepEqual([Math.round(mean), low, high], [50, null, null]);
  });

  it('does not wait for the last documents of a pass', () => {
    const trials = Array.from({ length: 3 }, (_, round) =>
      trial({ round: round + 1, documents_per_second: 100, wall_ms: 1000, end_idle_ms: 200 }),
    );
    assert.equal(Math.round(newRun(trials).mean), 125);
    assert.equal(Math.round(newRun(trials.map((row) => ({ ...row, end_idle_ms: null }))).mean), 100);
  });

  it('saves no time at the end of a pass in which the cores computed', () => {
    const at = (cpuMs: number | null) => lostAtEnd(200, { wall_ms: 1000, cpuMs, cores: 2 });
    assert.deepEqual([at(null), at(100), at(1900), at(2000), at(2100)], [200, 200, 50, 0, 0]);
    assert.equal(lostAtEnd(null, { wall_ms: 1000, cpuMs: 100, cores: 2 }), null);
  });

  it('lies further off than another trial of the same run, on both sides', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1, max: 1e6, noNaN: true }),
        fc.double({ min: 0, max: 2, noNaN: true }),
        (rate, spread) => {
          const { low, high } = inNewRun({
            rate,
            low: rate * Math.exp(-spread),
            high: rate * Math.exp(spread),
          });
          const below = Math.log(rate / low);
          assert.ok(Math.abs(below - Math.log(high / rate)) < 1e-9);
          assert.ok(below >= Math.max(spread, 0.09) && below <= spread + 0.1);
        },
      ),
    );
  });
});
