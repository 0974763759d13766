import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Circuit, type CircuitOptions } from '../../services/circuit.js';
import type { Outcome } from '../../strategies/strategy.js';

/** Everything here is in virtual time. */

const options = { failures: 3, firstMs: 100, maxMs: 400, giveUpMs: 2000 };

const base = { id: 'a', worker: 'w', queuedMs: 0, taskMs: 1 };
const ok = (index: number): Outcome => ({ ...base, index, status: 'ok', value: 1 });
const failed = (index: number, data: Record<string, unknown> = { status: 503 }): Outcome => ({
  ...base,
  index,
  status: 'failed',
  error: { name: 'Error', message: 'busy', data },
});

function open(own: CircuitOptions = {}) {
  const lines: string[] = [];
  const circuit = new Circuit({ ...options, ...own }, { changed: (line) => lines.push(line) });
  return { circuit, lines };
}

/** Gives one document, which fails. */
function probe(circuit: Circuit, atMs: number): void {
  assert.equal(circuit.turn(atMs - 1), 'none', `nothing before ${atMs} ms`);
  assert.equal(circuit.turn(atMs), 'probe');
  circuit.began(100 + atMs);
  assert.equal(circuit.turn(atMs), 'none', 'one document at a time');
  circuit.see(failed(100 + atMs), atMs);
}

describe('circuit', () => {
  it('opens after failures in a row, and probes after pauses that double up to a limit', () => {
    const { circuit } = open();
    for (const outcome of [failed(0), failed(1), ok(2), failed(3), failed(4)]) circuit.see(outcome, 0);
    assert.equal(circuit.turn(0), 'all', 'a document that was ok begins the count again');
    circuit.see(failed(5), 0);
    for (const atMs of [100, 300, 700, 1100, 1500]) probe(circuit, atMs);
    assert.equal(circuit.turn(1900), 'probe');
    circuit.began(900);
    circuit.see(ok(900), 1950);
    assert.equal(circuit.turn(1950), 'all');
  });

  it('gives up instead of a pause that ends too late, and tries one document now and then', () => {
    const { circuit, lines } = open({ giveUpMs: 600 });
    for (let i = 0; i < 3; i++) circuit.see(failed(i), 0);
    probe(circuit, 100);
    assert.equal(circuit.turn(300), 'probe');
    circuit.began(9);
    circuit.see(failed(9), 300);
    assert.equal(circuit.state, 'given up', 'the next probe would come at 700 ms');
    assert.equal(circuit.turn(600), 'refused');
    assert.equal(circuit.turn(701), 'probe');
    circuit.began(10);
    assert.equal(circuit.turn(702), 'refused');
    circuit.see(ok(10), 703);
    assert.equal(circuit.turn(703), 'all');
    assert.match(lines.at(-1) ?? '', /works again/);
  });

  it('closes when a document that was under way is ok', () => {
    const { circuit } = open();
    for (let i = 0; i < 3; i++) circuit.see(failed(i), 0);
    circuit.see(failed(7), 10);
    assert.equal(circuit.turn(100), 'probe', 'a failure that was under way makes no pause longer');
    circuit.see(ok(8), 100);
    assert.equal(circuit.turn(100), 'all');
  });

  it('opens at the first wait that is longer than a document waits, and then waits exactly as long', () => {
    const asked = 20 * 60_000;
    const patient = open({ giveUpMs: 2 * asked }).circuit;
    patient.see(failed(0, { retryable: true, retryAfterMs: asked }), 5);
    assert.equal(patient.turn(5 + asked - 1), 'none');
    assert.equal(patient.turn(5 + asked), 'probe');
    const { circuit } = open({ giveUpMs: asked - 1 });
    circuit.see(failed(0, { retryable: true, retryAfterMs: asked }), 5);
    assert.equal(circuit.state, 'given up');
  });

  it('counts failures of the service alone', () => {
    const { circuit } = open();
    for (let i = 0; i < 9; i++) circuit.see(failed(i, { status: 404 }), 0);
    assert.equal(circuit.turn(0), 'all');
    const rule = { attempts: 2, codes: ['ECONNREFUSED'] };
    const ruled = new Circuit(options, { retry: rule, changed: () => {} });
    for (let index = 0; index < 3; index++)
      ruled.see(
        { ...base, index, status: 'failed', error: { name: 'Error', message: 'no', code: 'ECONNREFUSED' } },
        0,
      );
    assert.equal(ruled.state, 'open');
  });

  it('lets another document probe when the probe fails for reasons of its own', () => {
    const { circuit } = open();
    for (let i = 0; i < 3; i++) circuit.see(failed(i), 0);
    assert.equal(circuit.turn(100), 'probe');
    circuit.began(4);
    circuit.see(failed(4, {}), 110);
    assert.equal(circuit.turn(110), 'probe');
    circuit.began(5);
    circuit.see({ ...failed(5, {}), status: 'timed-out' } as Outcome, 120);
    assert.equal(circuit.turn(319), 'none', 'a service that does not answer has failed');
    assert.equal(circuit.turn(320), 'probe');
  });

  it('says which option is out of range', () => {
    for (const [own, name] of [
      [{ failures: 0 }, /circuit.failures/],
      [{ firstMs: 0 }, /circuit.firstMs/],
      [{ maxMs: Number.NaN }, /circuit.maxMs/],
      [{ giveUpMs: -1 }, /circuit.giveUpMs/],
    ] as const)
      assert.throws(() => open(own), name);
  });
});
