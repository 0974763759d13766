import assert from 'node:assert/strict';
import { it } from 'node:test';
import { jobProgressOn } from '../../bench/job/progress.js';
import type { StageReport } from '../../strategies/strategy.js';

/** A log that keeps its lines. */
function log() {
  const written: string[] = [];
  const stream = { isTTY: false, write: (text: string) => written.push(text) };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

const reportOf = (stage: string, workers: number, documents: number): StageReport => ({
  stage,
  workers,
  starting: 0,
  documents,
  bytes: 0,
  busyMs: 0,
  blockedMs: 0,
  idleMs: 0,
  waiting: 0,
  waitingBytes: 0,
});

it('a job shows what is done, its rate, what is left and what is not ok', () => {
  const { stream, written } = log();
  let nowMs = 0;
  const progress = jobProgressOn(stream, { isStaged: false, now: () => nowMs });
  progress.start({ total: null, done: 50 });
  nowMs = 10_000;
  progress.step(100, 0);
  progress.setTotal(450);
  nowMs = 20_000;
  progress.step(100, 2);
  progress.stop();
  assert.deepEqual(written, ['150 documents · 10/s\n', '250/450 documents · 10/s · 20 s left · 2 not ok\n']);
});

it('a job with stages shows the workers of each and its rate in the last seconds', () => {
  const { stream, written } = log();
  let nowMs = 0;
  let done = 0;
  const progress = jobProgressOn(stream, { isStaged: true, now: () => nowMs });
  progress.start({ total: 1000, done: 0 });
  progress.watch(() => [reportOf('load', 1, 10 * done), reportOf('encode', done < 200 ? 1 : 3, done)]);
  for (const documents of [100, 100, 300]) {
    nowMs += 10_000;
    done += documents;
    progress.step(documents, 0);
  }
  progress.stop();
  const stages = written.map((line) => line.split(' left · ')[1]);
  assert.deepEqual(stages, [
    'load×1 100/s, encode×1 10/s\n',
    'load×1 100/s, encode×3 10/s\n',
    // The rate since the line before the last one, and not since the begin.
    'load×1 200/s, encode×3 20/s\n',
  ]);
});
