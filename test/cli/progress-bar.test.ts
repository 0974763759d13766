import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ProgressBar } from '../../bench/cli/progress-bar.js';

/** A stream that keeps what is written, as a terminal or as a log. */
function streamOf(isTTY: boolean) {
  const written: string[] = [];
  const stream = {
    isTTY,
    columns: 80,
    write: (text: string) => written.push(text),
    cursorTo() {},
    clearLine() {},
    moveCursor() {},
    once() {},
  };
  return { stream: stream as unknown as NodeJS.WriteStream, written };
}

const step = (n: number) => () => ({ fields: { last: `document ${n}` }, line: `line ${n}` });

it('a log gets one plain line per step, and goes on after a message', () => {
  const { stream, written } = streamOf(false);
  const bar = new ProgressBar(stream, { format: '{bar} {last}' });
  bar.step(0, step(0)); // not started
  bar.start(4, 0, { last: '' });
  bar.step(1, step(1));
  bar.step(2, () => ({ fields: {}, line: null }));
  bar.say('a message');
  bar.step(3, step(3));
  bar.stop();
  bar.step(4, step(4));
  assert.deepEqual(written, ['line 1\n', 'a message\n', 'line 3\n']);
});

it('a log gets at most one line per `lineMs`, and the other steps are never worded', () => {
  const { stream, written } = streamOf(false);
  let nowMs = 0;
  const bar = new ProgressBar(stream, { format: '', lineMs: 1000, now: () => nowMs });
  bar.start(100, 0, {});
  let worded = 0;
  for (let n = 1; n <= 100; n++) {
    nowMs += 100;
    bar.step(n, () => {
      worded++;
      return { fields: {}, line: String(n) };
    });
  }
  assert.equal(worded, 10);
  assert.deepEqual(written.slice(0, 2), ['10\n', '20\n']);
});

it('a terminal gets a bar with the fields and no lines; a message removes it', () => {
  const { stream, written } = streamOf(true);
  let nowMs = 0;
  const bar = new ProgressBar(stream, { format: '{value}/{total} {last}', now: () => nowMs });
  bar.start(3, 0, { last: 'starting' });
  nowMs = 1000;
  bar.step(1, step(1));
  bar.say('a message');
  const before = written.length;
  nowMs = 2000;
  bar.step(2, step(2));
  bar.stop();
  assert.equal(written.length, before);
  const text = written.join('');
  assert.match(text, /0\/3 starting/);
  assert.doesNotMatch(text, /line 1/);
  assert.match(text, /a message\n$/);
});
