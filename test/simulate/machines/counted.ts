import assert from 'node:assert/strict';
import broker from '../../../strategies/broker/broker.js';
import type { Session } from '../../../strategies/strategy.js';
import { fixture } from '../../support.js';
import { RunsFile, type TestFleet, times } from './fleet.js';

export interface CountedOptions {
  readonly documents: number;
  readonly size?: number;
  /** Each document takes this long, ms. Absent: it does not wait. */
  readonly waitMs?: number;
  /** Happens beside the run. It may look at the counts. */
  readonly meanwhile?: (counts: Counts) => Promise<void>;
}

/** A run counts what it has done so far. */
export interface Counts {
  readonly pulled: number;
  readonly done: number;
  /** Resolves when this many documents have their outcome, or when the run has ended. */
  reached(done: number): Promise<void>;
  /** Resolves with the time, ms, until all documents that are in flight now have their outcome. */
  untilInFlightDone(): Promise<number>;
}

/** A whole run has done this. */
export interface Counted {
  readonly outcomes: number;
  /** How often documents were begun, all agents together. */
  readonly runs: number;
  readonly redelivered: number;
  readonly duplicates: number;
  readonly seconds: number;
}

/** Opens a session over the agents of the fleet. */
export function openOn(fleet: TestFleet, { waitMs = 0, run }: { waitMs?: number; run?: string } = {}) {
  const task = fixture('machines-task', { file: new RunsFile(fleet.folder).path, waitMs });
  const there = {
    url: fleet.redis.url,
    agents: 'there',
    ...times,
    ...(run !== undefined && { run }),
  } as const;
  return broker.open(task, { workers: fleet.agents.length, delivery: 'message', broker: there });
}

/**
 * Runs documents and checks that each has one outcome, with its value.
 * @throws AssertionError when one is lost, is there twice or is wrong; what the run rejects with
 */
export async function counted(fleet: TestFleet, session: Session, options: CountedOptions): Promise<Counted> {
  const { documents, size = 1000, meanwhile } = options;
  const seen = new Uint8Array(documents);
  const watchers = new Set<() => void>();
  let pulled = 0;
  let done = 0;
  let isOver = false;
  const until = (holds: () => boolean) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!holds() && !isOver) return;
        watchers.delete(look);
        resolve();
      };
      watchers.add(look);
      look();
    });
  const counts: Counts = {
    get pulled() {
      return pulled;
    },
    get done() {
      return done;
    },
    reached: (count) => until(() => done >= count),
    async untilInFlightDone() {
      const startedMs = performance.now();
      const inFlight = Array.from({ length: pulled }, (_, i) => i).filter((i) => seen[i] === 0);
      await until(() => inFlight.every((i) => seen[i] === 1));
      return performance.now() - startedMs;
    },
  };
  function* source() {
    for (; pulled < documents; pulled++)
      yield { index: pulled, id: `document-${pulled}`, size, bytes: new Uint8Array(size).fill(pulled & 255) };
  }
  const startedMs = performance.now();
  const beside = meanwhile?.(counts);
  beside?.catch(() => {}); // awaited below
  try {
    await session.run(source(), (outcome) => {
      const { index, status } = outcome;
      assert.equal(status, 'ok', JSON.stringify(outcome));
      assert.equal(seen[index], 0, `document ${index} has two outcomes`);
      assert.equal(status === 'ok' && outcome.value, index & 255);
      seen[index] = 1;
      done++;
      for (const look of [...watchers]) look();
    });
  } finally {
    isOver = true;
    for (const look of [...watchers]) look();
  }
  const seconds = (performance.now() - startedMs) / 1e3;
  await beside;
  assert.equal(done, documents, 'documents were lost');
  const { redelivered = 0, duplicates = 0 } = await session.members();
  return { outcomes: done, runs: new RunsFile(fleet.folder).runs, redelivered, duplicates, seconds };
}
