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

  const bad: [path: string, value: unknown, error: RegExp][] = [
    [
      'schema',
      2,
      /field "schema": expected 1, got 2; have it written anew by `forkwise pick` of this version/,
    ],
    ['schema', undefined, /field "schema": expected 1, got nothing/],
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
