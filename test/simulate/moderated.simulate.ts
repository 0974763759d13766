import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { FamilyDesign } from './families.js';
import { type Kept, kept } from './promise-of-intervals.js';

/**
 * The full form of what moderated.test.ts samples: do the calibrated intervals of `bench/stats/moderated.ts`
 * keep their promise? It takes about ten minutes on one core and ends with the table of bench/README.md. A
 * family error of 5 % has a standard error of 0.15, 0.24 and 0.31 percentage points for 6, 22 and 60
 * configurations.
 */
const familiesOf = new Map([
  [6, 20_000],
  [22, 8000],
  [60, 5000],
]);
const minCoverage = 94;
const maxFamilyError = 5.5;
/** The largest half-widths relative to the paired t's. The promise leaves other numbers of rounds open. */
const maxHalfWidth = new Map([
  [3, 0.75],
  [12, 1.05],
]);
const spreads = [1, 1.6, 2.2];
const table = [
  '| trials, configurations, rounds | coverage % | family error % | half-width ÷ paired t |',
  '| --- | --- | --- | --- |',
];

for (const disturbed of [0.07, 0]) {
  describe(`${Math.round(100 * disturbed)} % of trials at four times the noise`, () => {
    for (const configurations of [6, 22, 60])
      for (const rounds of [3, 5, 8, 12]) promise({ configurations, rounds, disturbed, shape: 'whole' });
  });
}

describe('a race, whose configurations leave after 3, 5 or 12 rounds, with 5 % of trials missing', () => {
  for (const disturbed of [0.07, 0])
    for (const configurations of [6, 22, 60])
      promise({ configurations, rounds: 12, disturbed, shape: 'race' });
});

after(() => console.log(table.join('\n')));

/** Checks one design with every spread, and adds a row to the table. */
function promise(design: Omit<FamilyDesign, 'spread'>): void {
  const { configurations, rounds, shape, disturbed } = design;
  it(`${configurations} configurations, ${rounds} rounds`, (t) => {
    const families = familiesOf.get(configurations) ?? 0;
    const found = spreads.map((spread) =>
      kept({ ...design, spread }, { families, seed: 100 * rounds + configurations }),
    );
    const row = rowOf(
      `${disturbed > 0 ? 'disturbed' : 'calm'}, ${configurations}, ${shape === 'race' ? 'race' : rounds}`,
      found,
    );
    table.push(row);
    t.diagnostic(row);
    const widest = shape === 'whole' ? maxHalfWidth.get(rounds) : undefined;
    for (const { coverage, familyError, halfWidth } of found) {
      assert.ok(coverage >= minCoverage, row);
      assert.ok(familyError <= maxFamilyError, row);
      assert.ok(widest === undefined || halfWidth <= widest, row);
    }
  });
}

function rowOf(name: string, found: readonly Kept[]): string {
  const each = (value: (one: Kept) => string) => found.map(value).join(' / ');
  return (
    `| ${name} | ${each(({ coverage }) => coverage.toFixed(1))} ` +
    `| ${each(({ familyError }) => familyError.toFixed(1))} ` +
    `| ${each(({ halfWidth }) => halfWidth.toFixed(2))} |`
  );
}
