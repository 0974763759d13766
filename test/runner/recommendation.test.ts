import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecommendationError, readRecommendation } from '../../index.js';
import { recommendation } from './recommendations.js';

/** The same with one field, however deep, changed; undefined: without it. */
function changed(path: string, value: unknown): unknown {
  const copy = JSON.parse(JSON.stringify(recommendation()));
  const keys = path.split('.');
  const last = keys.pop() as string;
  const at = keys.reduce((object, key) => object[key], copy);
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

describe('readRecommendation', () => {
  it('takes what was written, and what is there for people', () => {
    const written = recommendation({ timeoutMs: 1000, heapMb: 0.5 });
    assert.deepEqual(readRecommendation(JSON.parse(JSON.stringify(written))), written);
  });

  it('takes schema 2, with numbers beside the workers', () => {
    const written = { ...recommendation(), schema: 2, configuration: { processes: 2, threads: 4 } };
    const read = readRecommendation(JSON.parse(JSON.stringify(written)));
    assert.deepEqual(read.schema === 2 && read.configuration, { processes: 2, threads: 4 });
  });

  for (const configuration of [{}, { processes: '2' }, { processes: -1 }, [2], null, 2]) {
    it(`refuses the configuration ${JSON.stringify(configuration)} in schema 2`, () => {
      assert.throws(
        () => readRecommendation({ ...recommendation(), schema: 2, configuration }),
        /field "configuration": expected an object of numbers/,
      );
    });
  }

  const bad: [path: string, value: unknown, error: RegExp][] = [
    [
      'schema',
      3,
      /field "schema": expected 1 or 2, got 3; write it again with `forkwise pick` of this version/,
    ],
    ['schema', undefined, /field "schema": expected 1 or 2, got nothing/],
    ['schema', 2, /field "configuration": expected an object of numbers from 0 on, like .*, got nothing/],
    [
      'configuration',
      { processes: 2 },
      /field "configuration": expected nothing in schema 1, only in schema 2, got an object/,
    ],
    ['task.sha256', 'abc', /field "task.sha256": expected 64 hexadecimal digits, got "abc"/],
    ['task', './parse.ts', /field "task.name": expected a text, got nothing/],
    ['strategy', '', /field "strategy": expected a text, got ""/],
    ['workers', 1.5, /field "workers": expected a whole number from 1 on, got 1.5/],
    ['workers', '2', /field "workers": .* got "2"/],
    ['delivery', 'pigeon', /field "delivery": expected one of none, clone, .*, got "pigeon"/],
    ['timeoutMs', 0, /field "timeoutMs": expected a number above 0, or null, got 0/],
    ['timeoutMs', undefined, /field "timeoutMs": expected a number above 0, or null, got nothing/],
    ['expected.low', -1, /field "expected.low": expected a number from 0 on, or null, got -1/],
    [
      'expected.memoryBytes',
      'much',
      /field "expected.memoryBytes": expected a number from 0 on, or null, got "much"/,
    ],
    [
      'validWhen.documentBytes',
      [],
      /field "validWhen.documentBytes.p5": expected a number from 0 on, got nothing/,
    ],
    ['validWhen.cores', { all: 4 }, /field "validWhen.cores": expected a number above 0, got an object/],
  ];
  for (const [path, value, error] of bad) {
    it(`refuses ${path} ${JSON.stringify(value)}`, () => {
      assert.throws(
        () => readRecommendation(changed(path, value)),
        (cause) => cause instanceof RecommendationError && error.test(cause.message),
      );
    });
  }

  it('refuses what is no object', () => {
    for (const value of [null, 'text', [], 7])
      assert.throws(() => readRecommendation(value), /expected a recommendation, an object, got/);
  });
});
