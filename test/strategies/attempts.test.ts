import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  DeathCount,
  maxDeathsBeforeStart,
  maxDeathsWithoutResult,
  maxRuns,
  maxWorkersEnded,
  Quarantine,
  runsAgain,
} from '../../strategies/session/attempts.js';
import { crashed } from '../../strategies/session/outcome.js';
import { carried } from '../../strategies/session/reference.js';
import { guarded } from '../../strategies/session/session.js';
import { limited, ready, type Source, SourceReader } from '../../strategies/session/source.js';
import { WorkerEnded } from '../../strategies/session/task-error.js';
import { alone, type Documents, type Outcome } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { documentsOf } from '../support.js';

const cause = new WorkerEnded('exit code 3', { exitCode: 3 });

it('a session that is closed by its first outcome closes when the run has ended', async () => {
  const happened: string[] = [];
  let second: unknown;
  let closing: Promise<void> | null = null;
  const session = guarded({
    async run(documents, emit) {
      // The first outcome comes before the run has waited for anything.
      for (const document of documents as Iterable<Document>) void emit(crashed(document, cause));
      await new Promise(setImmediate);
      happened.push('ended');
    },
    members: async () => ({ processes: [], engines: [] }),
    close: async () => void happened.push('closed'),
  });
  await session.run(documentsOf(['a', 'b']), () => {
    session
      .run([], () => {})
      .catch((refusal: unknown) => {
        second ??= refusal;
      });
    closing ??= session.close();
  });
  await closing;
  assert.deepEqual(happened, ['ended', 'closed']);
  assert.match(String(second), /expected one run at a time/);
});

describe('the policy for deaths', () => {
  it('lets a document run again until it has ended two workers, or has had its runs', () => {
    const limit = maxRuns.reportedTogether;
    assert.deepEqual([maxWorkersEnded, maxRuns], [2, { reportedAlone: 2, reportedTogether: 3 }]);
    assert.equal(runsAgain({ runs: 1, workersEnded: 1 }, limit), true);
    assert.equal(runsAgain({ runs: 2, workersEnded: 1 }, limit), true);
    assert.equal(runsAgain({ runs: 2, workersEnded: 2 }, limit), false);
    assert.equal(runsAgain({ runs: 3, workersEnded: 0 }, limit), false);
  });

  it('stops replacing workers after deaths in a row, each kind counted for itself', () => {
    const deaths = new DeathCount();
    for (let i = 1; i < maxDeathsBeforeStart; i++) deaths.endedBeforeStart(cause);
    assert.equal(deaths.stopped, null);
    deaths.endedWithoutResult(cause); // this worker began
    for (let i = 1; i < maxDeathsBeforeStart; i++) deaths.endedBeforeStart(cause);
    assert.equal(deaths.stopped, null);
    deaths.endedBeforeStart(cause);
    assert.match(
      String(deaths.stopped),
      /3 workers in a row ended before they ran any document.*exit code 3/,
    );
    deaths.progress();
    assert.notEqual(deaths.stopped, null, 'only a new run starts workers again');
    deaths.reset();
    assert.equal(deaths.stopped, null);
    for (let i = 1; i < maxDeathsWithoutResult.count; i++) deaths.endedWithoutResult(cause);
    deaths.progress();
    deaths.endedWithoutResult(cause);
    assert.equal(deaths.stopped, null, 'a result begins the count again');
  });

  it('refuses the id of a document that has ended two workers, and no other', () => {
    const quarantine = new Quarantine();
    const [a, b] = documentsOf(['a', 'b']) as [Document, Document];
    quarantine.learn(crashed(a, cause, 2));
    quarantine.learn(crashed(b, cause, 1));
    quarantine.learn(crashed(b, cause));
    assert.equal(quarantine.refusal(b), null);
    const refused = quarantine.refusal({ index: 7, id: 'a' });
    assert.ok(refused?.status === 'crashed');
    assert.deepEqual([refused.index, refused.error.exitCode, refused.error.attempts], [7, 3, 2]);
    assert.match(refused.error.message, /^exit code 3; it has ended 2 workers of this session/);
  });

  it('refuses in the run in which the document crashed, also where no other outcome follows', async () => {
    let runs = 0;
    const session = guarded({
      async run(documents, emit) {
        for await (const document of documents) {
          runs++;
          await emit(crashed(document, cause, 2));
        }
      },
      members: async () => alone,
      close: async () => {},
    });
    for (const source of [sync, async]) {
      runs = 0;
      const outcomes: Outcome[] = [];
      await session.run(source(documentsOf([source.name, source.name, source.name])), (outcome) => {
        outcomes.push(outcome);
      });
      assert.deepEqual([runs, outcomes.map(({ index }) => index).sort()], [1, [0, 1, 2]]);
      assert.ok(outcomes.every(({ status }) => status === 'crashed'));
    }
    const failing = session.run(documentsOf(['sync']), () => Promise.reject(new Error('no room')));
    await assert.rejects(failing, /no room/, 'an `emit` that rejects for a refused document ends the run');
    await session.close();
  });
});

describe('sources', () => {
  it('are read at once where they can be, else by waiting', async () => {
    const documents = documentsOf(['a', 'b']);
    const now = new SourceReader(sync(documents));
    assert.deepEqual([now.isSync, now.saysNow, now.now()?.value.id], [true, true, 'a']);
    const later = new SourceReader(async(documents));
    assert.deepEqual([later.isSync, later.saysNow, later.now()], [false, false, null]);
    assert.equal((await later.next()).value.id, 'a');
    const both = new SourceReader(saying(documents));
    assert.deepEqual([both.isSync, both.saysNow], [false, true]);
    assert.deepEqual([both.now()?.value.id, both.now(), (await both.next()).value.id], ['a', null, 'b']);
  });

  it('turn an error thrown by `next` into a rejection, and ignore errors when stopped', async () => {
    const reader = new SourceReader<Document>({
      [Symbol.asyncIterator]: () => ({
        next: () => {
          throw new Error('no disk');
        },
        return: () => Promise.reject(new Error('no disk either')),
      }),
    });
    await assert.rejects(reader.next(), /no disk/);
    reader.stop();
    await new Promise(setImmediate);
  });

  for (const source of [sync, async, saying]) {
    it(`end early, and leave documents out: ${source.name}`, async () => {
      const stop = new AbortController();
      const asked: string[] = [];
      const documents = limited(source(documentsOf(['a', 'b', 'c', 'd'])), {
        signal: stop.signal,
        take(document) {
          asked.push(document.id);
          return document.id === 'b' ? null : carried(document, false);
        },
      });
      const taken: string[] = [];
      for await (const { id } of documents) {
        taken.push(id);
        if (id === 'c') stop.abort();
      }
      assert.deepEqual(
        [taken, asked],
        [
          ['a', 'c'],
          ['a', 'b', 'c'],
        ],
      );
    });
  }

  it('give several readers at once their documents in order, whichever the source finds first', async () => {
    const given = documentsOf(['a', 'b', 'c']);
    let asked = 0;
    const slowFirst: Source = {
      async next() {
        const place = asked++;
        if (place === 1) await new Promise(setImmediate);
        const value = given.shift();
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    };
    const reader = new SourceReader(
      limited(
        { [Symbol.asyncIterator]: () => slowFirst },
        {
          signal: new AbortController().signal,
          take: (document) => (document.id === 'a' ? null : carried(document, false)),
        },
      ),
    );
    const answers = await Promise.all([reader.next(), reader.next(), reader.next(), reader.next()]);
    assert.deepEqual(
      answers.map(({ value }) => value?.id),
      ['b', 'c', undefined, undefined],
    );
  });

  it('end while a reader waits', async () => {
    const stop = new AbortController();
    let returned = 0;
    const never: Source = {
      next: () => new Promise(() => {}),
      return: async () => {
        returned++;
        return { done: true, value: undefined };
      },
    };
    const documents = limited(
      { [Symbol.asyncIterator]: () => never },
      { signal: stop.signal, take: (document) => carried(document, false) },
    );
    const reader = new SourceReader(documents);
    const waits = [reader.next(), reader.next()];
    stop.abort();
    assert.deepEqual(
      (await Promise.all(waits)).map(({ done }) => done),
      [true, true],
    );
    assert.equal(returned, 1);
  });
});

function* sync(documents: readonly Document[]): Generator<Document> {
  yield* documents;
}

async function* async(documents: readonly Document[]): AsyncGenerator<Document> {
  yield* documents;
}

/** A source that says at once that it has a document, every other time. */
function saying(documents: readonly Document[]): Documents {
  let next = 0;
  let says = true;
  const give = (): IteratorResult<Document> => {
    const value = documents[next++];
    return value === undefined ? { done: true, value } : { done: false, value };
  };
  const source: Source = {
    next: async () => give(),
    [ready]() {
      const result = says ? give() : null;
      says = !says;
      return result;
    },
    return: async () => ({ done: true, value: undefined }),
  };
  return { [Symbol.asyncIterator]: () => source };
}
