import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runInNewContext } from 'node:vm';
import { lostPart } from '../../bench/check/lost-part.js';
import { names } from '../../bench/check/words.js';
import { onlyLong } from '../support.js';
import { checkTask } from './check-command.js';

describe('parts of a result that are lost', () => {
  class Price {
    readonly #cents = 250;
    get euros() {
      return this.#cents / 100;
    }
  }
  class Rows extends Array<number> {}
  class TooDeep extends Error {}

  const lost: [value: unknown, said: string][] = [
    [new Price(), 'result is an instance of Price'],
    [{ items: [{}, { price: new Price() }] }, 'result.items[1].price is an instance of Price'],
    [new Map([['a', new Price()]]), 'result.get(a) is an instance of Price'],
    [new Map([[new Price(), 1]]), 'a key of result is an instance of Price'],
    [new Set([new Price()]), 'an entry of result is an instance of Price'],
    [{ rows: Rows.from([1, 2]) }, 'result.rows is an instance of Rows'],
    [new TooDeep('deep'), 'result is an instance of TooDeep'],
    [Object.defineProperty({ a: 1 }, 'total', { value: 3 }), 'result.total is hidden (not enumerable)'],
    [{ [Symbol('meta')]: 1 }, 'result[Symbol(meta)] is named by a symbol'],
    [Object.create({ inherited: 1 }), 'result is an instance of a class without a name'],
    [{ at: new URL('https://example.org') }, 'result.at is an instance of URL'],
  ];
  for (const [value, said] of lost) {
    it(`are found: ${said}`, () => assert.equal(lostPart(value), said));
  }

  it('are not found in plain data', () => {
    const cycle: Record<string, unknown> = { list: [1, 'a', null, undefined, 1n] };
    cycle.self = cycle;
    const plain: unknown[] = [
      cycle,
      Object.assign(Object.create(null), { a: 1 }),
      /(?<year>\d+)/.exec('2024'),
      [new Date(0), /a/, new Map([[1, { a: [1] }]]), new Set(['a']), new Uint8Array(2), new ArrayBuffer(1)],
      [new Error('a'), new TypeError('b'), Object(1), Buffer.from('abc')],
      runInNewContext('({ rows: [1, { a: 1 }], when: new Date(0), map: new Map([[1, 2]]) })'),
      {
        get total() {
          return 3;
        },
      },
    ];
    for (const value of plain) assert.equal(lostPart(value), null);
  });

  it('share the message of an error that several documents have', () => {
    const fact = (id: string, message: string) => ({ id, error: { name: 'Error', message } });
    assert.equal(
      names([fact('a', 'no key'), fact('b', 'no key'), fact('c', 'no page'), fact('d', 'no page')]),
      '"a", "b" (no key), "c" (no page), and 1 more',
    );
  });

  it('are an error of check, which names the part, its class and documents', async () => {
    const { code, said, bad } = await checkTask(
      'invoice.ts',
      `class Tax { #rate = 0.2; get percent() { return 100 * this.#rate; } }
       export default ({ size }: { size: number }) => ({ lines: [{ size, tax: new Tax() }] });`,
    );
    assert.equal(code, 3);
    assert.deepEqual(bad, ['lost']);
    assert.match(
      said('lost').join(),
      /^error: result\.lines\[0\]\.tax is an instance of Tax \(".*", 16 documents of 16\)/,
    );
  });
});

describe('shared views', { concurrency: 2 }, () => {
  const read = 'export default ({ bytes }) => new TextDecoder().decode(bytes).length;';

  it('are noted as safe if the task only reads', async () => {
    const { said } = await checkTask('reads.mjs', read);
    assert.match(
      said('views').join(),
      /^note: its bytes were neither changed, kept nor returned on 16 documents: without a copy .* % less/,
    );
  });

  it('are fine if the task says that it only reads', onlyLong, async () => {
    const { said, bad } = await checkTask('declares.mjs', `${read} export const views = 'shared';`);
    assert.deepEqual([...said('views'), ...bad], []);
  });

  const unsafe: [what: string, source: string][] = [
    ['changes', 'export default ({ bytes }) => { bytes.reverse(); return bytes.length; };'],
    ['keeps', 'const all = []; export default ({ bytes }) => all.push(bytes) && bytes.length;'],
    ['returns', 'export default ({ bytes }) => ({ head: bytes.subarray(0, 4) });'],
  ];
  for (const [i, [what, source]] of unsafe.entries()) {
    const when = i === 0 ? {} : onlyLong;
    it(
      `are no advice, and an error if the task says they are safe, where it ${what} its bytes`,
      when,
      async () => {
        assert.deepEqual((await checkTask('copy.mjs', source)).said('views'), []);
        const declared = await checkTask('shared.mjs', `${source} export const views = 'shared';`);
        assert.match(declared.said('views').join(), new RegExp(`^error: says views = 'shared', and ${what}`));
      },
    );
  }
});
