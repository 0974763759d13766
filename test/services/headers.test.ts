import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { goDurationMs, readHeaders, retryAfterMs } from '../../services/headers.js';

const clockMs = Date.parse('2026-05-04T10:00:00Z');

describe('Retry-After', () => {
  const forms: [string, number | null][] = [
    ['30', 30_000],
    [' 7 ', 7000],
    ['0', 0],
    ['1.5', 1500],
    ['0.0004', 1],
    ['Mon, 04 May 2026 10:00:12 GMT', 12_000],
    ['Monday, 04-May-26 10:00:12 GMT', 12_000],
    ['Mon May  4 10:00:12 2026', 12_000],
    ['Mon, 04 May 2026 09:59:00 GMT', 0],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 0],
    ['-5', null],
    ['1e3', null],
    ['soon', null],
    ['', null],
    ['2026-05-04T10:00:12Z', null],
    ['Mon, 04 Foo 2026 10:00:12 GMT', null],
  ];
  for (const [value, ms] of forms)
    it(`"${value}" is ${ms === null ? 'no hint' : `${ms} ms`}`, () => {
      assert.equal(retryAfterMs(value, clockMs), ms);
    });

  it('is compared with the clock of the service, where that shows it', () => {
    const headers = {
      date: 'Mon, 04 May 2026 12:00:00 GMT',
      'retry-after': 'Mon, 04 May 2026 12:00:03 GMT',
    };
    assert.equal(readHeaders(headers, clockMs).pauseMs, 3000);
  });

  it('gives way to retry-after-ms', () => {
    assert.equal(readHeaders({ 'retry-after': '2', 'retry-after-ms': '1250' }, clockMs).pauseMs, 1250);
  });
});

describe('durations of Go', () => {
  for (const [text, ms] of [
    ['120ms', 120],
    ['6m0s', 360_000],
    ['1h2m3.5s', 3_723_500],
    ['250µs', 0.25],
    ['0', 0],
    ['6', null],
    ['m', null],
    ['1s?', null],
  ] as const)
    it(`"${text}"`, () => assert.equal(goDurationMs(text), ms));
});

describe('budgets', () => {
  it("are read from OpenAI's headers", () => {
    const headers = new Headers({
      'x-ratelimit-limit-requests': '600',
      'x-ratelimit-remaining-requests': '12',
      'x-ratelimit-reset-requests': '1m2s',
      'x-ratelimit-limit-tokens': '90000',
      'x-ratelimit-remaining-tokens': '89000',
      'x-ratelimit-reset-tokens': '666ms',
    });
    assert.deepEqual(readHeaders(headers, clockMs).budgets, [
      { of: 'requests', max: 600, remaining: 12, resetMs: 62_000 },
      { of: 'tokens', max: 90_000, remaining: 89_000, resetMs: 666 },
    ]);
  });

  it("are read from Anthropic's headers, several kinds of tokens apart", () => {
    const headers = {
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': '2026-05-04T10:00:02Z',
      'anthropic-ratelimit-output-tokens-limit': '8000',
      'anthropic-ratelimit-output-tokens-remaining': '0',
      'anthropic-ratelimit-output-tokens-reset': '2026-05-04T10:00:30Z',
    };
    assert.deepEqual(readHeaders(headers, clockMs).budgets, [
      { of: 'requests', max: 50, remaining: 49, resetMs: 2000 },
      { of: 'tokens', max: 8000, remaining: 0, resetMs: 30_000 },
    ]);
  });

  it('are left out where a part is missing or is no number', () => {
    assert.deepEqual(
      readHeaders({ 'x-ratelimit-limit-requests': '5', 'x-ratelimit-remaining-requests': 'many' }, clockMs),
      { pauseMs: null, budgets: [] },
    );
  });
});
