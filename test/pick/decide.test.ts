import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loopViolation, unconstrained } from '../../bench/pick/constraints.js';
import type { Decided } from '../../bench/pick/decide.js';
import { decode, encodeHeader, encodeRows } from '../../bench/tables/csv.js';
import { type ResponsivenessRow, responsivenessTable } from '../../bench/tables/responsiveness-columns.js';
import type { RatedSummary } from '../../bench/tables/summary-columns.js';
import { trialsOf } from '../runs.js';
import { chosen, decided } from './decided.js';
import { baseline, strategies } from './support.js';

describe('a decision', () => {
  it('keeps every constraint, and says what all others break', () => {
    const memory = chosen(decided({ maxMemoryBytes: 100e6 }));
    assert.ok((memory.choice.memory_peak_bytes as number) * 1.1 <= 100e6);
    assert.ok(memory.disqualified.some(({ reason }) => /^memory: peak 1\d\d MB/.test(reason)));
    const isolated = chosen(decided({ isolation: 'process' }));
    assert.equal(isolationOf(isolated.choice.strategy), 'process');
    assert.ok(
      isolated.disqualified.some(
        ({ cell, reason }) => isolationOf(cell.strategy) === 'thread' && /isolates by thread/.test(reason),
      ),
    );
    const latency = chosen(decided({ latencyP99Ms: 15 }));
    assert.equal(latency.choice.workers, 1);
  });

  it('never gives work that computes more workers than cores, whatever was measured', () => {
    const trials = trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2, 8],
      change: ({ workers, strategy }) =>
        workers === 8 && isolationOf(strategy) !== 'none' ? { documents_per_second: 1e6 } : {},
    });
    const decision = chosen(decided({}, { trials }));
    assert.ok(decision.choice.workers <= 2);
    assert.ok(decision.disqualified.some(({ reason }) => /^(cores|beyond-cores): /.test(reason)));
  });

  it('chooses nothing if nothing keeps them', () => {
    const none = decided({ maxMemoryBytes: 1e6 });
    assert.equal(none.state, 'none');
    assert.ok(none.disqualified.length > 5);
  });

  it('counts the start, and the time until code is warm, if workers are started for every batch', () => {
    assert.notEqual(chosen(decided()).choice.strategy, baseline.name);
    for (const lost of ['startup_ms', 'cold_code_ms']) {
      const few = chosen(
        decided(
          { batch: 1 },
          {
            trials: trialsOf({
              corpora: { docs: 10_000 },
              rounds: 12,
              workers: [1, 2],
              change: ({ strategy }) => ({ startup_ms: 1, [lost]: strategy === baseline.name ? 1 : 500 }),
            }),
          },
        ),
      );
      assert.equal(few.choice.strategy, baseline.name, lost);
    }
  });

  it('does not trust a loop delay that was not measured', () => {
    const first = decided({ loopDelayMs: 50 });
    assert.equal(first.state, 'none');
    const [fastest] = (first as Extract<Decided, { state: 'none' }>).untested;
    const row = (ping_p99_ms: number): ResponsivenessRow => ({
      ...(fastest as ResponsivenessRow & typeof fastest),
      pings: 300,
      ping_p50_ms: 1,
      ping_p99_ms,
      ping_max_ms: ping_p99_ms,
      documents_per_second: 1,
    });
    assert.equal(
      chosen(decided({ loopDelayMs: 50 }, { responsiveness: [row(20)] })).choice.strategy,
      fastest?.strategy,
    );
    const slow = decided({ loopDelayMs: 50 }, { responsiveness: [row(80)] });
    assert.ok(slow.disqualified.some(({ reason }) => /80 ms at the 99th percentile/.test(reason)));
  });

  it('never chooses a cell whose results were wrong', () => {
    const fastest = chosen(decided()).best;
    const trials = trialsOf({
      corpora: { docs: 10_000 },
      rounds: 12,
      workers: [1, 2],
      change: ({ strategy }) =>
        strategy === fastest.strategy
          ? { status: 'failed', reason: 'wrong result', digest_matches: false }
          : {},
    });
    const decision = chosen(decided({}, { trials }));
    assert.notEqual(decision.best.strategy, fastest.strategy);
  });

  it('tells the loop delay of one number of documents per worker from that of another', () => {
    const first = decided({ loopDelayMs: 50 });
    const [fastest] = (first as Extract<Decided, { state: 'none' }>).untested;
    const cell = { ...(fastest as RatedSummary), per_worker: 4 };
    const row = { ...cell, pings: 9, ping_p50_ms: 1, ping_p99_ms: 2, ping_max_ms: 3 };
    const limits = { ...unconstrained, loopDelayMs: 50 };
    const [kept] = decode(
      responsivenessTable,
      encodeHeader(responsivenessTable) + encodeRows(responsivenessTable, [row]),
    );
    assert.equal(loopViolation(cell, [kept as ResponsivenessRow], limits), null);
    assert.equal(loopViolation({ ...cell, per_worker: 2 }, [row], limits), 'untested');
  });
});

const isolationOf = (name: string) => strategies.find((strategy) => strategy.name === name)?.isolation;
