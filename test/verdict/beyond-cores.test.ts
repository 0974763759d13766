import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RatedSummary } from '../../bench/tables/summary-columns.js';
import type { OkTrial } from '../../bench/tables/trial-columns.js';
import { adviceSentences, adviceTable } from '../../bench/words/advice.js';
import { findingsOf, type RunChoice } from '../runs.js';

/**
 * A run on two cores in which `queue` × 2 has three times the rate of `sequential`, whose documents take this
 * much CPU time.
 */
function runWith(sequential: { readonly userMs: number; readonly systemMs: number }): RunChoice {
  const change = ({ strategy, workers, passes, documents, round }: OkTrial) => {
    const perDocument = (userMs: number, systemMs: number) => ({
      cpu_user_ms: passes * documents * userMs,
      cpu_system_ms: passes * documents * systemMs,
    });
    const wobble = 1 + 0.002 * (round % 3);
    if (strategy === 'sequential')
      return {
        documents_per_second: 50 * wobble,
        ...perDocument(sequential.userMs, sequential.systemMs),
      };
    const isFast = strategy === 'queue' && workers === 2;
    return { documents_per_second: (isFast ? 150 : 55) * wobble, ...perDocument(11, 0.5) };
  };
  return { corpora: { docs: 100_000 }, workers: [1, 2], rounds: 6, cores: 2, change };
}

function seenIn(run: RunChoice) {
  const { conclusions, hints } = findingsOf(run);
  const choice = conclusions[0]?.choice;
  return { choice: `${choice?.strategy} ${choice?.workers}`, hints: hints.map(({ id }) => id), all: hints };
}

describe('a speed-up beyond the cores', () => {
  it('is not suggested where nothing explains it', () => {
    const { choice, hints } = seenIn(runWith({ userMs: 20, systemMs: 0.5 }));
    assert.notEqual(choice, 'queue 2');
    assert.ok(hints.includes('beyond-cores') && !hints.includes('kernel-time'));
  });

  it('is suggested where sequential spends as much more time in the kernel, and a hint says so', () => {
    const { choice, hints, all } = seenIn(runWith({ userMs: 11, systemMs: 7 }));
    assert.equal(choice, 'queue 2');
    assert.ok(hints.includes('kernel-time') && !hints.includes('beyond-cores'));
    const text = all.find(({ id }) => id === 'kernel-time')?.text ?? '';
    assert.match(
      text,
      /^sequential spends 7 of 18 ms of CPU time a document in the kernel at .* spends 0\.5 ms/,
    );
  });

  it('is explained only as far as that time goes', () => {
    const { choice, hints } = seenIn(runWith({ userMs: 16, systemMs: 2 }));
    assert.notEqual(choice, 'queue 2');
    assert.ok(hints.includes('beyond-cores'));
  });
});

it('a choice that was made before does not count what is faster as not told apart', () => {
  const [conclusion] = findingsOf({
    corpora: { docs: 100_000 },
    workers: [2],
    rounds: 6,
    cores: 2,
  }).conclusions;
  assert.ok(conclusion !== undefined);
  const sequential = conclusion.atBest.find(({ strategy }) => strategy === 'sequential') as RatedSummary;
  const decided = {
    ...conclusion,
    choice: sequential,
    gain: null,
    asGood: [],
    tied: [sequential],
    faster: [conclusion.choice],
  };
  const said = adviceSentences([decided])[0];
  assert.match(String(said), /`sequential`, as decided in the run; 1 configuration is shown to be faster\.$/);
  assert.ok(
    adviceTable([decided]).groups[0]?.[0]?.every((text) => !text.includes(conclusion.choice.strategy)),
  );
});
