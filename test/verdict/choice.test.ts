import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { interval, type LogRate, moderate } from '../../bench/stats/moderated.js';
import {
  type Choice,
  type Configuration,
  choose,
  chooseTogether,
  type FamilyRates,
  practicalMargin,
} from '../../bench/verdict/choice.js';

const margin = practicalMargin;

function configuration(name: string, traits: Partial<Configuration> = {}): Configuration {
  return { name, isolation: 'thread', workers: 2, baseline: false, barred: false, ...traits };
}

const sequential = configuration('sequential', { isolation: 'none', workers: 1, baseline: true });

/** Rates by name, off by a few parts in a thousand from round to round. */
function ratesOf(rates: Readonly<Record<string, number>>, { rounds = 4, wobble = 0.004 } = {}): LogRate[] {
  return Object.entries(rates).flatMap(([configuration, rate], c) =>
    Array.from({ length: rounds }, (_, round) => ({
      configuration,
      round,
      log: Math.log(rate) + wobble * (((round * 7 + c * 3) % 5) - 2),
    })),
  );
}

function chosen(found: Choice<Configuration> | null | undefined): string {
  assert.ok(found, 'there is a choice');
  return found.choice.name;
}

describe('the choice', () => {
  it('is the baseline where nothing is shown to be faster by more than the margin', () => {
    const configurations = [sequential, configuration('a'), configuration('b')];
    const near = choose({ configurations, rates: ratesOf({ sequential: 100, a: 102, b: 90 }), margin });
    assert.equal(chosen(near), 'sequential');
    assert.equal(near?.gain, null);
    const noisy = choose({
      configurations,
      rates: ratesOf({ sequential: 100, a: 130, b: 50 }, { rounds: 2, wobble: 0.2 }),
      margin,
    });
    assert.equal(chosen(noisy), 'sequential', 'an interval that reaches into the margin is no evidence');
  });

  it('is never the baseline where one configuration is shown to be faster', () => {
    const found = choose({
      configurations: [sequential, configuration('a'), configuration('b')],
      rates: ratesOf({ sequential: 100, a: 150, b: 151 }),
      margin,
    });
    assert.notEqual(chosen(found), 'sequential');
    assert.ok((found?.gain?.low ?? 0) > 1.45 && (found?.gain?.ratio ?? 9) < 1.55);
  });

  it('takes the weakest isolation, then the fewest workers, then the highest rate within 3 %', () => {
    const configurations = [
      sequential,
      configuration('process', { isolation: 'process' }),
      configuration('four', { workers: 4 }),
      configuration('two'),
      configuration('two-faster'),
      configuration('two-slow'),
    ];
    const rates = { sequential: 100, process: 184, four: 183, two: 181, 'two-faster': 182, 'two-slow': 170 };
    const found = choose({ configurations, rates: ratesOf(rates), margin });
    assert.equal(chosen(found), 'two-faster');
    assert.equal(found?.best.name, 'process');
    assert.deepEqual(
      found?.candidates.map(({ name }) => name),
      ['four', 'process', 'two', 'two-faster'],
    );
    assert.ok((found?.shortfall?.ratio ?? 0) > 1 && (found?.regretBound ?? 0) > 0);
    assert.equal(found?.rivals.find((rival) => rival.configuration.name === 'two-slow')?.relation, 'slower');
    assert.equal(found?.rivals.find((rival) => rival.configuration.name === 'two')?.relation, 'as good');
  });

  it('calls nothing as good because the margin of a noisy run is wide', () => {
    const configurations = [sequential, configuration('two')];
    const found = choose({ configurations, rates: ratesOf({ sequential: 100, two: 181 }), margin: 2 });
    assert.equal(chosen(found), 'sequential');
    assert.equal(found?.rivals[0]?.relation, 'not told apart');
  });

  it('passes over what was measured in less than half of the rounds of the best', () => {
    const many = ratesOf({ sequential: 100, a: 180 }, { rounds: 10 });
    const few = ratesOf({ x: 1, y: 2, b: 181 }, { rounds: 4 }).filter((rate) => rate.configuration === 'b');
    const configurations = [sequential, configuration('a'), configuration('b', { isolation: 'none' })];
    assert.equal(chosen(choose({ configurations, rates: [...many, ...few], margin })), 'a');
  });

  it('is not the baseline where all that is faster left a race early', () => {
    // As where the finalists, which have as many rounds as the baseline, are barred or no faster than it.
    const many = ratesOf({ sequential: 100, barred: 300, slow: 101 }, { rounds: 16 });
    const few = ratesOf({ x: 1, y: 1, z: 1, a: 180, b: 205 }, { rounds: 6 }).filter(
      ({ configuration: name }) => ['a', 'b'].includes(name),
    );
    const configurations = [
      sequential,
      configuration('barred', { barred: true }),
      configuration('slow'),
      configuration('a'),
      configuration('b'),
    ];
    const found = choose({ configurations, rates: [...many, ...few], margin });
    assert.equal(chosen(found), 'b');
    assert.ok((found?.gain?.low ?? 0) > 2);
  });

  it('is never what a constraint bars, which still is the measure of the gain', () => {
    const configurations = [
      { ...sequential, barred: true },
      configuration('a', { barred: true }),
      configuration('b', { isolation: 'process' }),
    ];
    const found = choose({ configurations, rates: ratesOf({ sequential: 100, a: 180, b: 80 }), margin });
    assert.equal(chosen(found), 'b');
    assert.ok((found?.gain?.ratio ?? 1) < 0.85);
    assert.equal(
      choose({ configurations: configurations.slice(0, 2), rates: ratesOf({ sequential: 1, a: 2 }), margin }),
      null,
    );
  });

  it('prefers one configuration at every size, and lets a size keep the baseline', () => {
    const configurations = [sequential, configuration('a'), configuration('b'), configuration('c')];
    const at = (rates: Record<string, number>): FamilyRates<Configuration> => ({
      configurations,
      rates: ratesOf(rates),
      margin,
    });
    const small = at({ sequential: 100, a: 99, b: 98, c: 97 });
    const middle = at({ sequential: 100, a: 182, b: 180, c: 150 });
    const large = at({ sequential: 100, a: 150, b: 180, c: 182 });
    assert.deepEqual(
      [middle, large].map((family) => chosen(choose(family))),
      ['a', 'c'],
    );
    assert.deepEqual(chooseTogether([small, middle, large]).map(chosen), ['sequential', 'b', 'b']);
  });

  it('is not held against what left a race early, and is not called slower or as good as that', () => {
    const early = ratesOf({ c: 140 }, { rounds: 1 });
    const found = choose({
      configurations: [sequential, configuration('a'), configuration('c', { workers: 4 })],
      rates: [...ratesOf({ sequential: 100, a: 150 }), ...early],
      margin,
    });
    assert.equal(chosen(found), 'a');
    const left = found?.rivals.find(({ configuration }) => configuration.name === 'c');
    assert.equal(left?.relation, 'too few rounds');
    assert.equal(found?.regretBound, 0);
    assert.deepEqual(
      found?.leftOut.map(({ name }) => name),
      ['c'],
    );
  });

  it('is held against what left a race after two rounds, which have an interval', () => {
    const found = choose({
      configurations: [sequential, configuration('a'), configuration('c', { workers: 4 })],
      rates: [
        ...ratesOf({ sequential: 100, a: 150 }, { rounds: 6 }),
        ...ratesOf({ c: 149 }, { rounds: 2, wobble: 0.03 }),
      ],
      margin,
    });
    assert.equal(chosen(found), 'a');
    const left = found?.rivals.find(({ configuration }) => configuration.name === 'c');
    assert.equal(left?.relation, 'too few rounds');
    assert.deepEqual(found?.leftOut, []);
    assert.ok((found?.regretBound ?? 0) > 0);
  });

  it('is none without a rate, and names no bound from a single round', () => {
    assert.equal(choose({ configurations: [sequential], rates: [], margin }), null);
    const once = choose({
      configurations: [sequential, configuration('a')],
      rates: ratesOf({ sequential: 100, a: 180 }, { rounds: 1 }),
      margin,
    });
    assert.equal(chosen(once), 'sequential');
    assert.equal(once?.regretBound, null);
  });
});

/**
 * A family as runs have them: unequal scatter, some trials missing, some configurations barred, and some that
 * left a race.
 */
const family = fc
  .record({
    count: fc.integer({ min: 2, max: 14 }),
    rounds: fc.integer({ min: 1, max: 16 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
    spread: fc.double({ min: 0, max: 0.6, noNaN: true }),
    noise: fc.double({ min: 0.001, max: 0.1, noNaN: true }),
    missing: fc.double({ min: 0, max: 0.3, noNaN: true }),
    leaving: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ count, rounds, seed, spread, noise, missing, leaving }): FamilyRates<Configuration> => {
    const random = randomFrom(seed);
    const configurations = Array.from({ length: count }, (_, i) =>
      i === 0
        ? sequential
        : configuration(`c${i}`, {
            isolation: (['none', 'thread', 'process'] as const)[i % 3] ?? 'none',
            workers: 1 + (i % 4),
            barred: random() < 0.1,
          }),
    );
    const rates = configurations.flatMap(({ name, baseline }) => {
      const level = spread * random();
      const own = noise * (0.5 + random());
      const last = !baseline && random() < leaving ? Math.ceil(rounds * random()) : rounds;
      return Array.from({ length: last }, (_, round) => ({
        configuration: name,
        round,
        log: level + own * (random() + random() - 1),
      })).filter(() => random() >= missing);
    });
    return { configurations, rates, margin };
  });

/** Lehmer's generator: enough to scatter made-up rates. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

describe('the choice, whatever was measured', () => {
  it('is never the baseline where an interval over it lies beyond the margin', () => {
    fc.assert(
      fc.property(family, (given) => {
        const found = choose(given);
        if (found === null || !found.choice.baseline) return;
        const compared = moderate(given.rates);
        for (const { name, barred, baseline } of given.configurations) {
          const difference = barred || baseline ? null : compared.difference(name, 'sequential');
          const ends = difference && interval(difference);
          assert.ok(ends === null || ends.low <= margin + 1e-9, `${name} is shown to be faster`);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('is a candidate that nothing bars, and claims nothing without evidence', () => {
    fc.assert(
      fc.property(family, (given) => {
        const found = choose(given);
        if (found === null) return;
        assert.ok(found.candidates.includes(found.choice));
        assert.equal(found.choice.barred, false);
        for (const { ratio, relation } of found.rivals) {
          if (relation === 'as good')
            assert.ok((ratio?.low ?? 0) > 1 / Math.exp(margin) && (ratio?.high ?? 9) < Math.exp(margin));
        }
        if (found.regretBound !== null)
          assert.ok(found.regretBound >= 1 - 1 / Math.max(1, found.shortfall?.ratio ?? 1) - 1e-9);
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order of rows or configurations', () => {
    fc.assert(
      fc.property(family, fc.infiniteStream(fc.nat()), (given, stream) => {
        const shuffled = <Item>(items: readonly Item[]) =>
          items
            .map((item) => ({ item, key: stream.next().value as number }))
            .sort((a, b) => a.key - b.key)
            .map(({ item }) => item);
        const again = choose({
          configurations: shuffled(given.configurations),
          rates: shuffled(given.rates),
          margin,
        });
        assert.deepEqual(again, choose(given));
      }),
      { numRuns: 200 },
    );
  });
});
