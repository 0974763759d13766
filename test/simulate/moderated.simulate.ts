import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { FamilyDesign } from './families.js';
import { type Kept, kept } from './promise-of-intervals.js';

/**
 * The full form of what moderated.test.ts samples: do the calibrated intervals of `bench/stats/moderated.ts`
 * keep their promise? It takes about 15 minutes on one core, and prints one row per setting. The standard
 * error of a family error of 5 % is 0.15 percentage points.
 */
const families = 20_000;
const minCoverage = 94;
const maxFamilyError = 5.5;
/** Largest half-width relative to the paired t's. In between, the promise says nothing. */
const maxHalfWidth = new Map([
  [3, 0.75],
  [12, 1.05],
]);

for (const disturbed of [0.07, 0]) {
  describe(`${100 * disturbed} % of trials at four times the noise`, () => {
    for (const configurations of [6, 22, 60])
      for (const rounds of [3, 5, 8, 12])
        for (const spread of [1, 1.6, 2.2])
          promise({ configurations, rounds, spread, disturbed, shape: 'whole' });
  });
}

describe('a race, whose configurations leave after 3, 5 or 12 rounds, with 5 % of trials missing', () => {
  for (const disturbed of [0.07, 0])
    for (const configurations of [6, 22, 60])
      for (const spread of [1, 1.6, 2.2])
        promise({ configurations, rounds: 12, spread, disturbed, shape: 'race' });
});

function promise(design: FamilyDesign): void {
  const { configurations, rounds, spread } = design;
  it(`${configurations} configurations, ${rounds} rounds, spread ${spread}`, (t) => {
    const found = kept(design, { families, seed: 100 * rounds + configurations });
    t.diagnostic(described(found));
    assert.ok(found.coverage >= minCoverage, described(found));
    assert.ok(found.familyError <= maxFamilyError, described(found));
    const widest = design.shape === 'whole' ? maxHalfWidth.get(rounds) : undefined;
    if (widest !== undefined) assert.ok(found.halfWidth <= widest, described(found));
  });
}

function described({ coverage, familyError, halfWidth }: Kept): string {
  return (
    `coverage ${coverage.toFixed(1)} %, family error ${familyError.toFixed(1)} %, ` +
    `half-width ${halfWidth.toFixed(2)} of the paired t's`
  );
}
