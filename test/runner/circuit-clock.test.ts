import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { withCircuit } from '../../runner/circuit/circuit-session.js';
import type { PauseClock } from '../../runner/circuit/pause-clock.js';
import { Circuit } from '../../services/circuit.js';
import { guarded } from '../../strategies/session/session.js';
import { alone, type Outcome, type Session } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { settled } from './puppet.js';

/** Everything here is in virtual time. */

const firstMs = 100;
const giveUpMs = 60_000;

/** It jumps after one of its readings, and to the next call that is due. Else its time does not change. */
class JumpingClock implements PauseClock {
  ms = 0;
  readings = 0;
  readonly #jumpAfterReading: number;
  readonly #calls = new Set<{ readonly atMs: number; readonly call: () => void }>();

  constructor(jumpAfterReading: number) {
    this.#jumpAfterReading = jumpAfterReading;
  }

  now(): number {
    const nowMs = this.ms;
    if (++this.readings === this.#jumpAfterReading) this.ms += 1.5 * firstMs;
    return nowMs;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { atMs: this.ms + ms, call };
    this.#calls.add(timer);
    return () => this.#calls.delete(timer);
  }

  /** Goes on to the earliest call that is due. */
  goOn(): void {
    const [first] = [...this.#calls].sort((a, b) => a.atMs - b.atMs);
    assert.ok(first !== undefined, 'something waits, and nothing will wake it');
    this.#calls.delete(first);
    this.ms = Math.max(this.ms, first.atMs);
    first.call();
  }
}

interface Service {
  readonly clock: JumpingClock;
  /** The service fails every document before this time. */
  readonly worksFromMs: number;
  readonly workers: number;
  /** The bytes of a document are moved to its worker, so it cannot be given again. */
  readonly movesBytes?: boolean;
}

function sessionOf({ clock, worksFromMs, workers, movesBytes = false }: Service): Session {
  return guarded({
    async run(source, emit) {
      const documents = (source as AsyncIterable<Document>)[Symbol.asyncIterator]();
      const work = async () => {
        for (;;) {
          const next = await documents.next();
          if (next.done) return;
          const { index, id, bytes } = next.value;
          if (movesBytes) structuredClone(null, { transfer: [bytes.buffer as ArrayBuffer] });
          await turn(); // the other workers ask for documents meanwhile
          const base = { index, id, worker: 'w', queuedMs: 0, taskMs: 1 };
          const error = { name: 'Error', message: 'busy', data: { status: 503 } };
          if (clock.ms >= worksFromMs) await emit({ ...base, status: 'ok', value: 1 });
          else await emit({ ...base, status: 'failed', error });
        }
      };
      await Promise.all(Array.from({ length: workers }, work));
    },
    members: async () => alone,
    close: async () => {},
  });
}

/** Runs ten documents, and returns their outcomes. */
async function ran(service: Service): Promise<Outcome[]> {
  const { clock } = service;
  const circuit = new Circuit({ failures: 1, firstMs, maxMs: 400, giveUpMs }, { changed: () => {} });
  const { session } = withCircuit(sessionOf(service), { circuit, isJob: false, clock });
  const outcomes: Outcome[] = [];
  let hasEnded = false;
  const documents = Array.from({ length: 10 }, (_, index) => {
    return { index, id: `d${index}`, size: 8, bytes: new Uint8Array(8) };
  });
  const run = session.run(documents, (outcome) => void outcomes.push(outcome));
  const ended = run.finally(() => {
    hasEnded = true;
  });
  for (;;) {
    for (let i = 0; i < 10; i++) await settled(); // this is long enough for ten documents in turn
    if (hasEnded) break;
    clock.goOn();
  }
  await ended;
  return outcomes;
}

describe('the clock of a circuit', () => {
  it('never misses the end of a pause, between whichever two readings that comes', async () => {
    for (const workers of [1, 2]) {
      const still = new JumpingClock(0);
      await ran({ clock: still, worksFromMs: 1000, workers });
      assert.ok(still.readings > 20);
      for (let reading = 1; reading <= still.readings; reading++) {
        const clock = new JumpingClock(reading);
        const outcomes = await ran({ clock, worksFromMs: 1000, workers });
        const where = `${workers} workers, a jump after reading ${reading}`;
        assert.ok(clock.ms < 2000, `${where}: ended at ${clock.ms} ms`);
        assert.equal(outcomes.length, 10, where);
        assert.ok(
          outcomes.every(({ status }) => status === 'ok'),
          where,
        );
      }
    }
  });

  it('gives documents at once when the service works, also where none can be given again', async () => {
    const clock = new JumpingClock(0);
    const outcomes = await ran({ clock, worksFromMs: firstMs, workers: 2, movesBytes: true });
    assert.equal(outcomes.length, 10);
    assert.equal(clock.ms, firstMs, 'no pause but the first one was waited for');
  });
});

it('a circuit leaves every other member of a session as it was', () => {
  const plain = guarded({
    transport: 'message',
    run: async () => {},
    members: async () => alone,
    stages: () => [],
    setPerWorker: () => {},
    replaced: () => 3,
    close: async () => {},
  });
  const circuit = new Circuit({}, { changed: () => {} });
  const { session } = withCircuit(plain, { circuit, isJob: true });
  assert.deepEqual(Object.keys(session).sort(), Object.keys(plain).sort());
  assert.equal(session.replaced, 3);
});
