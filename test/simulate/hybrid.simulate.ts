import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openStrategy } from '../../runner/open-strategy.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import type { OpenOptions } from '../../strategies/strategy.js';
import { compute } from '../fixtures/tasks/half-waiting-task.js';
import { documentsOf, fixture } from '../support.js';

/**
 * This shows what several documents per worker gain where a task waits and computes, and that they cost
 * nothing where it does only one of the two. All configurations of a test take turns, so that a slow phase
 * of the machine meets all of them. It needs a quiet machine.
 */

const cores = Math.floor(effectiveCores().effective);
const rounds = 7;
const partMs = 5;
/** Eight documents are in flight on two cores. */
const perWorker = 4;
/** The documents of one turn take about this long, ms. */
const turnMs = 1500;

interface Configuration extends Partial<OpenOptions> {
  readonly strategy: string;
  readonly workers: number;
}

const several: readonly Configuration[] = [
  { strategy: 'self-scheduling', workers: cores, perWorker },
  { strategy: 'queue', workers: cores, perWorker },
  { strategy: 'hybrid', workers: cores, perWorker },
];

/** Steps that take `partMs` on one core while all cores compute; the fastest of several looks. */
function calibrated(): number {
  const steps = 500_000;
  let fastest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 40; i++) {
    const startedMs = performance.now();
    compute(steps, i);
    fastest = Math.min(fastest, performance.now() - startedMs);
  }
  return Math.round((steps * partMs) / fastest);
}

const steps = calibrated();

/** The median rate of each configuration, documents per second. */
async function rates(
  turns: readonly {
    readonly configuration: Configuration;
    readonly waitMs: number;
    readonly steps: number;
  }[],
  perSecond: number,
): Promise<number[]> {
  const documents = documentsOf(
    Array.from({ length: Math.ceil((perSecond * turnMs) / 1000) }, (_, i) => `document${i}`),
  );
  const seen = turns.map((): number[] => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, { configuration, ...options }] of turns.entries()) {
      const { strategy, ...open } = configuration;
      const session = await openStrategy(strategy, fixture('half-waiting-task', options), open);
      try {
        await session.run(documents.slice(0, 8 * cores), () => {}); // it compiles the task
        const startedMs = performance.now();
        await session.run(documents, () => {});
        seen[i]?.push((1000 * documents.length) / (performance.now() - startedMs));
      } finally {
        await session.close();
      }
    }
  return seen.map((all) => all.sort((a, b) => a - b)[Math.floor(all.length / 2)] as number);
}

const nameOf = ({ strategy, workers, perWorker = 1 }: Configuration) =>
  `${strategy} × ${workers} × ${perWorker}`;

it(`${partMs} ms of waiting and ${partMs} ms of computing reach 93 % of computing alone`, async () => {
  const alone: Configuration = { strategy: 'self-scheduling', workers: cores };
  const before: readonly Configuration[] = [
    { strategy: 'self-scheduling', workers: perWorker * cores },
    { strategy: 'queue', workers: perWorker * cores },
  ];
  const turns = [
    { configuration: alone, waitMs: 0, steps },
    ...[...before, ...several].map((configuration) => ({ configuration, waitMs: partMs, steps })),
  ];
  const [limit = 0, ...found] = await rates(turns, (1000 * cores) / partMs);
  console.log(`limit: ${limit.toFixed(0)} documents/s (${nameOf(alone)}, computing only)`);
  for (const [i, rate] of found.entries()) {
    const { configuration } = turns[i + 1] as (typeof turns)[number];
    console.log(
      `${nameOf(configuration)}: ${rate.toFixed(0)} documents/s, ${((100 * rate) / limit).toFixed(1)} %`,
    );
  }
  const best = Math.max(...found.slice(before.length));
  assert.ok(best >= 0.93 * limit, `the best has ${((100 * best) / limit).toFixed(1)} % of the limit`);
});

for (const [what, options, perSecond] of [
  ['computing', { waitMs: 0, steps }, (1000 * cores) / partMs],
  ['waiting', { waitMs: partMs, steps: 0 }, (1000 * cores * perWorker) / partMs],
] as const)
  it(`only ${what} loses at most 3 %`, async () => {
    const plain = ['self-scheduling', 'queue'].map((strategy): Configuration => {
      const workers = what === 'computing' ? cores : cores * perWorker;
      return { strategy, workers };
    });
    const turns = [...plain, ...several].map((configuration) => ({ configuration, ...options }));
    const found = await rates(turns, perSecond);
    for (const [i, { configuration }] of turns.entries())
      console.log(`only ${what}, ${nameOf(configuration)}: ${found[i]?.toFixed(0)} documents/s`);
    const best = Math.max(...found.slice(0, plain.length));
    const own = Math.max(...found.slice(plain.length));
    assert.ok(own >= 0.97 * best, `${((100 * own) / best).toFixed(1)} % of the best plain configuration`);
  });
