import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { noteSlowStart } from '../../bench/cli/slow-start.js';
import { portable } from '../../workloads/task-bundle.js';
import { fixture } from '../support.js';

const here = { broker: null, task: fixture('odd-task') };

describe('a slow start', () => {
  it('is noted once, and the session is waited for', async () => {
    const said: string[] = [];
    let open = (_: string) => {};
    const opening = new Promise<string>((resolve) => {
      open = resolve;
    });
    let ended: Promise<unknown> = opening;
    const noted = new Promise<void>((resolve) => {
      const say = (text: string) => {
        said.push(text);
        resolve();
      };
      ended = noteSlowStart(opening, { ...here, say, afterMs: 1 }).then((session) => said.push(session));
    });
    const alive = setInterval(() => {}, 1e6); // the timer of the note does not keep the process alive
    await noted;
    open('session');
    await ended;
    clearInterval(alive);
    assert.match(
      said[0] as string,
      /^no document has begun after 0\.001 s: workers are still loading the task/,
    );
    assert.deepEqual(said.slice(1), ['session']);
  });

  it('with a broker says how to start an agent, without the password', async () => {
    const { task } = here;
    const alive = setInterval(() => {}, 1e6);
    const said = await new Promise<string>((say) => {
      void noteSlowStart(new Promise(() => {}), { say, broker: 'redis://me:secret@host', task, afterMs: 1 });
    });
    clearInterval(alive);
    const code = await portable(task);
    assert.ok('sha256' in code);
    assert.match(said, /no agent has joined yet; start one on each machine/);
    assert.ok(said.includes(`forkwise agent --broker redis://me:…@host --accept ${code.sha256}; `), said);
  });

  it('is not noted when the session is open before', async () => {
    const said: string[] = [];
    await noteSlowStart(Promise.resolve('session'), { ...here, say: (text) => said.push(text), afterMs: 1 });
    await setTimeout(10); // a later timer: the one of the note would have been first
    assert.deepEqual(said, []);
  });
});
