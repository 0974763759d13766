import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Finding } from '../../bench/check/finding.js';
import { findingsOf } from '../../bench/check/findings/index.js';
import type { Place, Tried } from '../../bench/check/probe.js';
import type { DocumentFact, Probe } from '../../bench/check/probe-host.js';

describe('findings', () => {
  const place = (name: Place['name']): Place => ({ name, strategy: '', workers: 1, passes: 1, graceMs: 0 });
  const ok = (id: string, digest = 'x'): DocumentFact => ({
    id,
    status: 'ok',
    error: null,
    taskMs: 1,
    digest,
    result: digest,
    resultBytes: 10,
    lost: null,
  });
  const crashed = (id: string): DocumentFact => ({
    ...ok(id),
    status: 'crashed',
    error: { name: 'Error', message: 'exit code 9' },
    digest: 'crashed',
  });
  const probe = (passes: DocumentFact[][], rest: Partial<Probe> = {}): Probe => ({
    startupMs: 1,
    kind: null,
    hasDigest: false,
    passes,
    digestFailure: null,
    digestUnstable: false,
    waiting: 0,
    measuredMs: 1000,
    memoryBytes: 0,
    computing: null,
    environment: [],
    traps: [],
    nested: { threads: 0, processes: 0, left: 0 },
    prints: { times: 0, bytes: 0 },
    ...rest,
  });
  const found = (main: Probe, thread: Probe = main): Finding[] => {
    const tried: Tried[] = [
      { place: place('main thread'), state: 'done', probe: main },
      { place: place('two threads at once'), state: 'done', probe: thread },
    ];
    return findingsOf({ tried, timeoutMs: 1000, share: { bytes: 1e9, workers: 2 } });
  };
  const of = (id: string, findings: readonly Finding[]) =>
    findings.filter((finding) => finding.id === id).map(({ level, said }) => `${level}: ${said}`);
  const twice = [[ok('a')], [ok('a')]];

  it('say what follows from the share of waiting, and contradict a kind that is not so', () => {
    assert.match(
      of('waiting', found(probe(twice, { waiting: 0.02 }))).join(),
      /^note: 2 % waiting: workers will gain/,
    );
    assert.match(
      of('waiting', found(probe(twice, { waiting: 0.96 }))).join(),
      /^note: 96 % waiting: more in flight on one thread will gain/,
    );
    assert.match(
      of('waiting', found(probe(twice, { waiting: 0.5 }))).join(),
      /^note: 50 % waiting: .*workers the rest$/,
    );
    assert.match(
      of('waiting', found(probe(twice, { waiting: 0.96, kind: 'cpu' }))).join(),
      /^warning: .*it says kind 'cpu'$/,
    );
    assert.match(
      of('waiting', found(probe(twice, { waiting: 0.96, kind: 'cpu', measuredMs: 3 }))).join(),
      /^note: .*3 ms of work, which is too little to say what gains$/,
    );
  });

  it('tell an unstable digest, and one that hides differences', () => {
    assert.deepEqual(of('digest', found(probe(twice, { hasDigest: true, digestUnstable: true }))), [
      'error: digest gave two texts for one result',
    ]);
    assert.deepEqual(of('digest', found(probe(twice, { hasDigest: true }))), [
      'ok: digest gives one text for one result',
    ]);
    const hidden = found(
      probe([[{ ...ok('a'), result: 'p' }], [{ ...ok('a'), result: 'q' }]], { hasDigest: true }),
    );
    assert.match(
      of('deterministic', hidden).join(),
      /^note: results differ from pass to pass on 1 document, and digest says/,
    );
  });

  it('tell documents that end their worker, and large memory', () => {
    const ends = found(probe(twice), probe([[crashed('a')]]));
    assert.deepEqual(of('workers-end', ends), [
      'error: two threads at once: 1 document ended the worker: "a" (exit code 9)',
    ]);
    assert.deepEqual(of('memory', found(probe(twice, { memoryBytes: 300e6 }))), [
      'warning: grew by 300 MB during a single document',
    ]);
    assert.deepEqual(of('memory', found(probe(twice, { memoryBytes: 100e6 }))), []);
    assert.match(
      of('share', found(probe(twice, { memoryBytes: 1.1e9 }))).join(),
      /^warning: a single document/,
    );
    assert.deepEqual(of('share', found(probe(twice, { memoryBytes: 0.9e9 }))), []);
  });

  it('count failures among the documents that ended', () => {
    const stopped: DocumentFact = { ...crashed('b'), status: 'timed-out', digest: 'timed-out' };
    const mixed = [ok('a'), stopped];
    assert.deepEqual(of('failures', found(probe([mixed, mixed]))), [
      'ok: fails on none of 1 document that ended in time',
    ]);
  });

  it('hold a task that fails on some documents sound, and one that fails on all not', () => {
    const failed = (id: string): DocumentFact => ({ ...crashed(id), status: 'failed' });
    const some = [ok('a'), failed('b'), failed('c'), failed('d'), failed('e')];
    assert.deepEqual(of('failures', found(probe([some, some]))), [
      'warning: fails on 4 of 5 documents: "b", "c", "d" (exit code 9), and 1 more',
    ]);
    assert.match(
      of('failures', found(probe([[failed('a')], [failed('a')]]))).join(),
      /^error: fails on 1 of 1/,
    );
  });
});
