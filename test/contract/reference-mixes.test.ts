import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { strategies as entries } from '../../strategies/index.js';
import type { AnyDocument, Outcome, Session, Strategy } from '../../strategies/strategy.js';
import { hashOf } from '../fixtures/tasks/reference-task.js';
import { fixture, longWithParts, onlyLong, openable } from '../support.js';

/** A session on other machines is slow to open, and reads documents with the code of the others. */
const runsOf = ({ isolation }: Strategy) =>
  Number(process.env.FORKWISE_STRESS ?? (isolation === 'machine' ? 5 : onlyLong.skip ? 6 : 12));
const folder = mkdtempSync(join(tmpdir(), 'forkwise-mixes-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The last two are larger than what a transport moves at once. */
const contents = [0, 1, 300, 10_000, 2 ** 20 + 1, 2 ** 21 + 5].map((size) =>
  Uint8Array.from({ length: size }, (_, i) => (i * 31) ^ (i >> 8)),
);
const hashes = contents.map(hashOf);
const paths = contents.map((bytes, i) => {
  const path = join(folder, `content-${i}`);
  writeFileSync(path, bytes);
  return path;
});
const link = join(folder, 'link');
symlinkSync(paths[3] as string, link);

/** One document of a mix, without its place, and the outcome that it must have. */
interface Sample {
  readonly form: object;
  readonly expected: {
    readonly status: Outcome['status'];
    readonly hash?: string;
    readonly size?: number;
    readonly mtimeMs?: number;
  };
}

const content = fc.nat(contents.length - 1);
const small = fc.nat(3);
const byBytes = content.map((i): Sample => {
  const bytes = contents[i] as Uint8Array;
  return { form: { size: bytes.length, bytes }, expected: { status: 'ok', hash: hashes[i] as string } };
});
const byPath = fc.record({ i: content, isBuffer: fc.boolean(), says: fc.option(fc.nat(5000)) }).map(
  ({ i, isBuffer, says }): Sample => ({
    form: {
      path: isBuffer ? Buffer.from(paths[i] as string) : paths[i],
      ...(says !== null && { size: says }), // a size that is wrong changes nothing
    },
    expected: { status: 'ok', hash: hashes[i] as string, ...stateOf(paths[i] as string) },
  }),
);
const byLink = fc.constant<Sample>({
  form: { path: link },
  expected: { status: 'ok', hash: hashes[3] as string, ...stateOf(link) },
});
const byReference = fc
  .record({ by: fc.constantFrom('text', 'view', 'shared', 'later'), text: fc.string({ maxLength: 300 }) })
  .map((reference): Sample => {
    const bytes = Buffer.from(reference.text);
    return { form: { reference }, expected: { status: 'ok', hash: hashOf(bytes), size: bytes.length } };
  });
const notThere = fc
  .constantFrom<object>(
    { path: join(folder, 'missing') },
    { path: folder },
    { path: '' },
    { reference: { by: 'throw' } },
    { reference: { by: 'reject' } },
    { reference: { by: 'string' } },
    { reference: 10n },
    {},
  )
  .map((form): Sample => ({ form, expected: { status: 'failed' } }));
const ends = small.map((i): Sample => ({ form: { path: paths[i] }, expected: { status: 'crashed' } }));

for (const strategy of await openable(entries))
  describe(`${strategy.name}: any mix of documents with bytes, by path and by reference`, () => {
    const sample = fc.oneof(
      { weight: 20, arbitrary: byPath },
      { weight: 12, arbitrary: byBytes },
      { weight: 12, arbitrary: byReference },
      { weight: 2, arbitrary: byLink },
      { weight: 5, arbitrary: notThere },
      ...(strategy.isolation === 'none' ? [] : [{ weight: 1, arbitrary: ends }]),
    );
    const sessions = new Map<number, Promise<Session>>();
    const sessionOf = (workers: number) => {
      const session = sessions.get(workers) ?? open(strategy, workers);
      sessions.set(workers, session);
      return session;
    };

    it(
      'gives each document one outcome, the right one, and leaves no descriptor',
      longWithParts(strategy),
      async () => {
        await (await open(strategy, 1)).close(); // the first session opens what Node and the test keep
        const descriptors = openDescriptors();
        await fc.assert(
          fc.asyncProperty(
            fc.record({
              samples: fc.array(sample, { maxLength: 60 }),
              workers: fc.integer({ min: 1, max: 3 }),
              source: fc.constantFrom('sync', 'async', 'slow'),
              closeAfter: fc.option(fc.nat(40), { freq: 2 }),
            }),
            async ({ samples, workers, source, closeAfter }) => {
              const pulled: AnyDocument[] = [];
              const session = await (closeAfter === null ? sessionOf(workers) : open(strategy, workers));
              const outcomes: Outcome[] = [];
              let closed: Promise<void> | null = null;
              await session.run(sourceOf(samples, source, pulled), (outcome) => {
                assert.equal(outcomes[outcome.index], undefined, 'a second outcome');
                outcomes[outcome.index] = outcome;
                if (outcome.index === closeAfter) closed = session.close();
              });
              if (closeAfter !== null) await (closed ?? session.close());
              else assert.equal(pulled.length, samples.length);
              // A session that closes does not wait for the document that an async source was asked for.
              const lost = pulled.filter(({ index }) => outcomes[index] === undefined).length;
              assert.ok(lost <= (closeAfter !== null && source !== 'sync' ? 1 : 0), `${lost} were lost`);
              for (const outcome of outcomes.filter(Boolean))
                assert.deepEqual(found(outcome), (samples[outcome.index] as Sample).expected, outcome.id);
            },
          ),
          { numRuns: runsOf(strategy) },
        );
        for (const session of sessions.values()) await (await session).close();
        assert.ok(openDescriptors() <= descriptors, `${openDescriptors()} are open, ${descriptors} were`);
      },
    );
  });

function open(strategy: Strategy, workers: number): Promise<Session> {
  return strategy.open(fixture('reference-task'), { workers, delivery: 'reference' });
}

/** A source of these documents, which notes what it has given. */
function sourceOf(samples: readonly Sample[], kind: string, pulled: AnyDocument[]) {
  const document = ({ form, expected }: Sample, index: number): AnyDocument => {
    // Some strategies refuse an id that has ended workers, so no other document may have it.
    const id = expected.status === 'crashed' ? `exit${ids++}` : `a${index}`;
    const one = { index, id, ...form } as AnyDocument;
    pulled.push(one);
    return one;
  };
  function* sync() {
    for (const [index, sample] of samples.entries()) yield document(sample, index);
  }
  async function* later() {
    for (const [index, sample] of samples.entries()) {
      if (kind === 'slow') await turn();
      yield document(sample, index);
    }
  }
  return kind === 'sync' ? sync() : later();
}

let ids = 0;

/** Returns what of an outcome is known in advance. */
function found(outcome: Outcome): Sample['expected'] {
  const { status, size, mtimeMs } = outcome;
  return {
    status,
    ...(status === 'ok' && { hash: (outcome.value as { hash: string }).hash }),
    ...(size !== undefined && { size }),
    ...(mtimeMs !== undefined && { mtimeMs }),
  };
}

function stateOf(path: string): { size: number; mtimeMs: number } {
  const { size, mtimeMs } = statSync(path);
  return { size, mtimeMs };
}

function openDescriptors(): number {
  return process.platform === 'linux' ? readdirSync('/proc/self/fd').length : 0;
}
