import assert from 'node:assert/strict';
import { it } from 'node:test';
import { summarise } from '../../bench/tables/summarise.js';
import { conclude } from '../../bench/verdict/conclude.js';
import type { Traits } from '../../bench/verdict/configurations.js';
import { winners } from '../../bench/verdict/winners.js';
import { brokerPriceSentences } from '../../bench/words/broker-price.js';
import { trial } from '../rows.js';

const traits: Traits[] = [
  { name: 'alone', isolation: 'process', baseline: true, concurrency: 'workers' },
  { name: 'far', isolation: 'machine', baseline: false, concurrency: 'workers', inner: 'alone' },
];

/** A run of four rounds. The rate through the broker is a little different in each. */
function concluded(far: Partial<Parameters<typeof trial>[0]>[], rounds = [0.78, 0.8, 0.82, 0.8]) {
  const trials = rounds.flatMap((ratio, i) => {
    const documents_per_second = 1000 * (1 + i / 10);
    const common = { round: i + 1, workers: 2, delivery: 'message', cpu_system_ms: 0 };
    const counted = { documents: 100, passes: 1, memory_peak_bytes: 100e6 };
    return [
      trial({ ...common, ...counted, strategy: 'alone', documents_per_second, cpu_user_ms: 1.5 }),
      ...far.map((row) =>
        trial({
          ...common,
          ...counted,
          strategy: 'far',
          documents_per_second: ratio * documents_per_second,
          cpu_user_ms: 4.5,
          memory_peak_bytes: 250e6,
          ...row,
        }),
      ),
    ];
  });
  const corpora = [{ workload: 'word-frequency', corpus: '10KB' }];
  const summaries = summarise(trials, { effectiveCores: 2, corpora, strategies: traits });
  const margins = () => Math.log(1.03);
  const terms = { trials, strategies: traits, margins };
  const conclusions = conclude(summaries, { ...terms, claims: 'verdicts' });
  return { conclusions, winners: winners(summaries, terms) };
}

const said = (far: Partial<Parameters<typeof trial>[0]>[]) =>
  brokerPriceSentences(concluded(far).conclusions);

it('the price of a broker is its cost beyond the strategy of its agents', () => {
  const [rate, costs, ...more] = said([{}]);
  assert.deepEqual(more, []);
  assert.match(
    rate as string,
    /^Through its broker, `far` with 2 workers reached 0\.80× \(0\.7\d–0\.8\d\) the rate of `alone`/,
  );
  assert.match(costs as string, /45 µs of CPU time per document in place of 15, and 250 MB .* of 100 MB/);
});

it('each round-trip time has a price of its own, and another number of workers has none', () => {
  const found = said([{ rtt_ms: 0 }, { rtt_ms: 1, documents_per_second: 500 }, { workers: 4 }]);
  assert.equal(found.length, 4);
  assert.match(found[0] as string, /`far \(0 ms\)` with 2 workers reached 0\.80×/);
  assert.match(found[2] as string, /`far \(1 ms\)` with 2 workers reached/);
});

it('a shorter round trip is not a choice, however fast', () => {
  const rows = [{ rtt_ms: 0 }, { rtt_ms: 1, documents_per_second: 500 }];
  const faster = concluded(rows, [1.98, 2, 2.02, 2]);
  assert.equal(faster.conclusions[0]?.choice.strategy, 'alone');
  assert.deepEqual(
    faster.winners.map(({ strategy }) => strategy),
    ['alone'],
  );
  const [only] = concluded([{ rtt_ms: 0 }], [1.98, 2, 2.02, 2]).conclusions;
  assert.equal(only?.choice.strategy, 'far', 'without a longer one it competes');
});

it('costs that were not seen are left out', () => {
  assert.equal(said([{ cpu_user_ms: null, memory_peak_bytes: null, rss_peak_bytes: null }]).length, 1);
});
