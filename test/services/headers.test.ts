import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DocumentLimit } from '../../services/document-limit.js';
import { goDurationMs, isRefusal, readHeaders, retryAfterMs } from '../../services/headers.js';
import { LimitClient } from '../../services/limit-client.js';
import type { LimitRequest } from '../../services/limit-protocol.js';

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

  const seconds = clockMs / 1000;
  for (const [name, headers, max, remaining, resetMs] of [
    [
      'the draft',
      { RateLimit: '"a";r=7;t=4', 'RateLimit-Policy': '"b";q=9;w=1, "a";q=80;w=60' },
      80,
      7,
      4000,
    ],
    ['the draft without a policy', { ratelimit: '"a";r=0;t=4' }, null, 0, 4000],
    ['version 7 of the draft', { ratelimit: 'limit=20, remaining=3, reset=11' }, 20, 3, 11_000],
    [
      'older drafts',
      { 'RateLimit-Limit': '30, 30;w=60', 'RateLimit-Remaining': '2', 'RateLimit-Reset': '9' },
      30,
      2,
      9000,
    ],
    [
      'GitHub',
      {
        'x-ratelimit-limit': '5000',
        'x-ratelimit-remaining': '0',
        'x-ratelimit-reset': String(seconds + 25),
      },
      5000,
      0,
      25_000,
    ],
    [
      'a time in ms',
      { 'X-RateLimit-Limit': 8, 'X-RateLimit-Remaining': 1, 'X-RateLimit-Reset': clockMs + 120 },
      8,
      1,
      120,
    ],
  ] as [string, Record<string, string | number>, number | null, number, number][])
    it(`are read from headers of ${name}`, () => {
      const facts = readHeaders(headers, clockMs);
      assert.deepEqual(facts.budgets, max === null ? [] : [{ of: 'requests', max, remaining, resetMs }]);
      assert.equal(facts.resetMs, remaining === 0 ? resetMs : null);
    });

  it('of several draft limits count apart, and those of bytes do not count', () => {
    const facts = readHeaders(
      {
        ratelimit: '"burst";r=0;t=2, "day";r=100;t=3600, "bytes";r=0;t=9000',
        'ratelimit-policy': '"burst";q=10;w=5,"day";q=1000;w=86400,"bytes";q=1000000;qu="content-bytes"',
      },
      clockMs,
    );
    assert.deepEqual(
      facts.budgets.map(({ max }) => max),
      [10, 1000],
    );
    assert.equal(facts.resetMs, 2000);
  });

  it('are left out where a part is missing or is no number', () => {
    assert.deepEqual(
      readHeaders({ 'x-ratelimit-limit-requests': '5', 'x-ratelimit-remaining-requests': 'many' }, clockMs),
      { pauseMs: null, resetMs: null, budgets: [] },
    );
  });
});

it('tells refusals from other answers', () => {
  const says = (pauseMs: number | null, resetMs: number | null) => ({ pauseMs, resetMs });
  for (const status of [429, 503, 529]) assert.equal(isRefusal(status, says(null, null)), true, `${status}`);
  for (const status of [200, 403, 404, 500, undefined])
    assert.equal(isRefusal(status, says(null, null)), false, `${status}`);
  assert.equal(isRefusal(502, says(2000, null)), true);
  assert.equal(isRefusal(301, says(2000, null)), false);
  assert.equal(isRefusal(403, says(null, 9000)), true);
  assert.equal(isRefusal(404, says(null, 9000)), false);
});

it('a request whose answer cannot be read is done when its document ends', async () => {
  const sent: LimitRequest[] = [];
  const now = () => 0;
  const client = new LimitClient({
    limits: { maxAdvance: 1, maxTokens: null },
    sharesClock: true,
    hasCaller: true,
    now,
    send: (request) => sent.push(request),
  });
  // The slot of a probe, because the end of any other is reported a while later.
  const own = { id: 7, atMs: 0, untilMs: 1, isProbe: true, usedMs: 0 };
  const limit = new DocumentLimit(client, { signal: () => new AbortController().signal, now, own });
  assert.throws(() => limit.report({ status: 200, headers: { date: Object.create(null) } }), TypeError);
  limit.finish();
  await Promise.resolve();
  assert.deepEqual(
    sent.flatMap(({ answers = [] }) => answers.map(({ id }) => id)),
    [7],
  );
});

it('an answer of node:http is reported as it is', async () => {
  const sent: LimitRequest[] = [];
  const now = () => 0;
  const client = new LimitClient({
    limits: null,
    sharesClock: true,
    hasCaller: true,
    now,
    send: (request) => sent.push(request),
  });
  const limit = new DocumentLimit(client, { signal: () => new AbortController().signal, now, own: null });
  limit.report({ statusCode: 529, headers: { 'Retry-After': '2' } });
  await Promise.resolve();
  const [answer] = sent[0]?.answers ?? [];
  assert.deepEqual([answer?.isRefused, answer?.pauseMs], [true, 2000]);
});
