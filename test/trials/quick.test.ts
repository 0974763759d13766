import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { decode } from '../../bench/tables/csv.js';
import { hasRate, summaryTable } from '../../bench/tables/summary-columns.js';
import {
  chooseTwins,
  isMeasuredByDefault,
  type LoadedStrategy,
  type PreparedWorkload,
  planCells,
} from '../../bench/trials/plan.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { documentsPerPass, profiles } from '../../bench/trials/profiles.js';
import { estimateRoundMs, timingOf } from '../../bench/trials/rounds.js';
import { parseSize } from '../../bench/words/parse.js';
import { strategies } from '../../strategies/index.js';

const published = (path: string) =>
  readFileSync(new URL(`../../../results/${path}`, import.meta.url), 'utf8');

/**
 * Cost of one document alone, on a straight line through the two largest published sizes that are not above
 * it.
 */
function costMs(workload: string, bytes: number): number {
  const points = decode(summaryTable, published('reference/summary.csv'))
    .filter(hasRate)
    .filter((row) => row.workload === workload && row.strategy === 'sequential')
    .map((row) => ({ bytes: row.document_bytes, ms: 1e3 / row.documents_per_second }))
    .filter((point) => point.bytes <= bytes)
    .sort((a, b) => b.bytes - a.bytes);
  const [last, before] = points;
  assert.ok(last !== undefined && before !== undefined, `two published costs of ${workload}`);
  return last.ms + ((bytes - last.bytes) * (last.ms - before.ms)) / (last.bytes - before.bytes);
}

it('quick takes at most six minutes on two cores, however many strategies have to be named', async () => {
  const quick = profiles.find(({ name }) => name === 'quick');
  assert.ok(quick !== undefined);
  const listed = await loadStrategies(strategies.map(({ url }) => url));
  const many = Array.from({ length: 50 }, (_, i): LoadedStrategy => {
    const [first] = listed;
    assert.ok(first !== undefined);
    const named = { name: `named-${i}`, measured: 'when named', baseline: false, scales: true } as const;
    return { url: first.url, strategy: { ...first.strategy, ...named } };
  });
  const workloads = quick.workloads.map((name): PreparedWorkload => {
    const kind = name === 'word-frequency' ? 'cpu' : 'io';
    const corpora = quick.sizes.map((size) => {
      const bytes = parseSize(size, 'size');
      const documents = documentsPerPass(quick, kind, bytes);
      const profile = {
        documents,
        bytes: documents * bytes,
        min: bytes,
        p5: bytes,
        p50: bytes,
        p95: bytes,
        max: bytes,
      };
      const sequentialMs = documents * costMs(name, bytes);
      const file = { source: 'memory' as const, contents: '', index: '', truth: '' };
      return { name: size, file, hash: '', documents, bytes: documents * bytes, profile, sequentialMs };
    });
    return { ref: { name, url: '', options: {} }, kind, corpora };
  });
  const chosen = [...listed, ...many].filter(isMeasuredByDefault);
  assert.ok(chosen.every(({ strategy }) => strategy.measured === 'always'));
  const cells = planCells({ workloads, strategies: chosen, workers: quick.workers });
  const plan = { cells, twins: chooseTwins(cells), cores: 2 };
  const timing = timingOf(quick, { ...plan, rounds: quick.rounds.max });
  const minutes = (quick.rounds.max * estimateRoundMs({ ...plan, timing })) / 60_000;
  assert.ok(minutes > 1 && minutes <= 6, `${minutes} minutes`);
  // Where fewer cells leave time, engines are warmed up for longer, and with still fewer the clock is longer.
  const timingWith = (count: number) =>
    timingOf(quick, { cells: cells.slice(0, count), twins: [], cores: 2, rounds: quick.rounds.max });
  const longest = timingWith(20);
  assert.ok(longest.warmupMs > timing.warmupMs && longest.timeMs > timing.timeMs);
  for (let count = 20; count <= cells.length; count += 10) {
    const [longer, shorter] = [timingWith(count), timingWith(count + 10)];
    assert.ok(longer.warmupMs >= shorter.warmupMs && longer.timeMs >= shorter.timeMs, `${count} cells`);
  }
  // A task that is slow to warm up has twice the time, and as long a warm-up as fits into it.
  const slowCells = (count: number) =>
    cells.slice(0, count).map((cell) => ({ ...cell, corpus: { ...cell.corpus, neededWarmupMs: 2400 } }));
  let longestMs = Number.POSITIVE_INFINITY;
  for (let count = 5; count <= cells.length; count += 10) {
    const slow = { cells: slowCells(count), twins: [], cores: 2, rounds: quick.rounds.max };
    const timing = timingOf(quick, slow);
    const { slowWarmupMs = 0 } = timing;
    assert.ok(slowWarmupMs >= 500 && slowWarmupMs <= longestMs, `${count} cells: ${slowWarmupMs} ms`);
    const total = (quick.rounds.max * estimateRoundMs({ ...slow, timing })) / 60_000;
    assert.ok(total <= 11 || slowWarmupMs === 500, `${count} cells: ${total} minutes`);
    longestMs = slowWarmupMs;
  }
  assert.ok(longestMs < 2400 && timingOf(quick, { ...plan, rounds: 3 }).slowWarmupMs === undefined);
});
