import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seriesName } from '../../bench/tables/series.js';
import type { CorpusSource } from '../../bench/trials/corpus-file.js';
import {
  cellsOf,
  type LoadedStrategy,
  type PreparedWorkload,
  planCells,
  plannedStrategies,
  roundOrder,
} from '../../bench/trials/plan.js';
import { documentsPerPass, profiles } from '../../bench/trials/profiles.js';
import { cellNames } from '../../bench/trials/trial.js';
import { configurationName } from '../../bench/verdict/configurations.js';
import type { Delivery, Strategy } from '../../strategies/strategy.js';
import { cells, strategy, workload } from './support.js';

describe('plan', () => {
  it('has every combination once, a strategy that does not scale at one worker', () => {
    const names = cells.map(
      ({ corpus, strategy, workers }) => `${corpus.name} ${strategy.strategy.name} ${workers}`,
    );
    assert.deepEqual(names, [
      '10KB sequential 1',
      '10KB pool 1',
      '10KB pool 2',
      '10KB pool 4',
      '100KB sequential 1',
      '100KB pool 1',
      '100KB pool 2',
      '100KB pool 4',
    ]);
  });

  it('measures a strategy with each requested delivery, or with its default if it has none of them', () => {
    const two = {
      url: 'two',
      strategy: { name: 'two', scales: false, deliveries: ['clone', 'transfer', 'path'] },
    } as unknown as LoadedStrategy;
    const plan = { workloads: [workload], strategies: [strategy('other', false), two], workers: [1] };
    const deliveries = (deliveries: readonly Delivery[]) =>
      planCells({ ...plan, deliveries })
        .filter(({ corpus }) => corpus.name === '10KB')
        .map(({ strategy, delivery }) => `${strategy.strategy.name} ${delivery}`);
    assert.deepEqual(deliveries([]), ['other clone', 'two clone']);
    assert.deepEqual(deliveries(['path', 'transfer']), ['other clone', 'two transfer', 'two path']);
  });

  it('lets workers read files unless another delivery is asked for, and has one baseline', () => {
    const traits = (name: string, deliveries: readonly Delivery[], baseline = false) =>
      ({ url: name, strategy: { name, baseline, scales: false, deliveries } }) as unknown as LoadedStrategy;
    const strategies = [
      traits('sequential', ['none', 'reference'], true),
      traits('async', ['none', 'reference']),
      traits('pool', ['clone', 'transfer', 'reference']),
      traits('peer', ['message']),
    ];
    const planned = (source: CorpusSource, deliveries: readonly Delivery[] = []) =>
      plannedStrategies(strategies, { workers: [1], deliveries, source }).map((one) =>
        one.deliveries.join(' '),
      );
    assert.deepEqual(planned('files'), ['reference', 'reference', 'reference', 'message']);
    assert.deepEqual(planned('files', ['none', 'clone', 'reference']), [
      'reference',
      'none reference',
      'clone reference',
      'message',
    ]);
    assert.deepEqual(planned('files', ['transfer']), ['reference', 'reference', 'transfer', 'message']);
    assert.deepEqual(planned('memory'), ['none', 'none', 'clone', 'message']);
    const limit = { name: 'limit', limit: true, scales: true, deliveries: ['message', 'reference'] };
    const [one] = plannedStrategies([{ url: 'limit', strategy: limit as unknown as Strategy }], {
      workers: [1],
      deliveries: ['message'],
      source: 'files',
    });
    assert.deepEqual(one?.deliveries, ['reference'], 'its clock leaves out what the caller reads');
  });

  it('measures strategies between machines at each round-trip time, in cells of their own', () => {
    const traits = (name: string, isolation: string) =>
      ({ url: name, strategy: { name, isolation, scales: true, deliveries: ['message'] } }) as never;
    const planned = plannedStrategies([traits('near', 'process'), traits('far', 'machine')], {
      workers: [2],
    });
    const corpora = [{ name: '10KB', file: { source: 'memory' } }];
    const one = { ...workload, corpora } as unknown as PreparedWorkload;
    const names = (rttsMs?: readonly number[]) =>
      cellsOf([one], planned, { ...(rttsMs && { rttsMs }), fixed: null, cores: 2 })
        .map(cellNames)
        .map(configurationName);
    assert.deepEqual(names(), ['near 2 message', 'far 2 message']);
    assert.deepEqual(names([0, 0.5]), ['near 2 message', 'far 2 message 0 ms', 'far 2 message 0.5 ms']);
    const rows = cellsOf([one], planned, { rttsMs: [0, 0.5], fixed: null, cores: 2 }).map(cellNames);
    assert.deepEqual(
      rows.map((row) => seriesName(row, rows)),
      ['near', 'far (0 ms)', 'far (0.5 ms)'],
    );
  });

  it('gives every round its own order, which is the same for the same seed', () => {
    const order = (seed: number, round: number) =>
      roundOrder(cells, { seed, round }).map((cell) => cells.indexOf(cell));
    assert.deepEqual(order(1, 1), order(1, 1));
    assert.notDeepEqual(order(1, 1), order(1, 2));
    assert.notDeepEqual(order(1, 1), order(2, 1));
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (seed, round) =>
        assert.deepEqual(
          order(seed, round).sort((a, b) => a - b),
          cells.map((_, i) => i),
        ),
      ),
    );
  });

  it('chooses the number of documents by size and profile alone', () => {
    const [smoke, quick] = profiles as [(typeof profiles)[0], (typeof profiles)[0]];
    assert.equal(documentsPerPass(smoke, 'cpu', 10_000), 20);
    assert.equal(documentsPerPass(quick, 'cpu', 10_000), 400);
    assert.equal(documentsPerPass(quick, 'cpu', 500_000), 16);
    assert.equal(documentsPerPass(quick, 'cpu', 0), 400);
    assert.ok(documentsPerPass(quick, 'io', 10_000) <= 32);
  });
});
