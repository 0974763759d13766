import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { taskServices } from '../../services/task-services.js';
import type { FromTask, ToTask } from '../../strategies/session/side-channel-protocol.js';
import { openTask } from '../../strategies/worker/task.js';
import { documentsOf, fixture } from '../support.js';

/** A task that uses neither its signal nor the side channel must not pay for them. */

const services = taskServices({});

function counted() {
  const sent: FromTask[] = [];
  let connections = 0;
  let receive: (message: ToTask) => void = () => {};
  return {
    sent,
    get connections() {
      return connections;
    },
    tell: (message: ToTask) => receive(message),
    connect: (listener: (message: ToTask) => void) => {
      connections++;
      receive = listener;
      return { send: (message: FromTask) => void sent.push(message), drain() {}, close() {} };
    },
  };
}

describe('the context of a document', () => {
  it('makes no controller, timer, listener or connection for a task that uses none', async () => {
    const caller = counted();
    const task = await openTask(fixture('channel-task'), {
      worker: 'w',
      services,
      timeoutMs: 1000,
      connect: caller.connect,
    });
    const controllers = countConstructions(globalThis, 'AbortController');
    const timers = process.getActiveResourcesInfo().length;
    const [document] = documentsOf(['plain']);
    for (let i = 0; i < 1000; i++) assert.equal((await task.run(document as never)).status, 'ok');
    assert.deepEqual([controllers.end(), caller.connections], [0, 0]);
    assert.equal(process.getActiveResourcesInfo().length, timers);
    await task.close();
  });

  it('connects once, and a cancellation holds until the run has ended', async () => {
    const caller = counted();
    const task = await openTask(fixture('channel-task'), { worker: 'w', services, connect: caller.connect });
    const run = (id: string) => Promise.resolve(task.run(documentsOf([id])[0] as never));
    const running = [run('until-aborted0'), run('until-aborted1')];
    assert.equal(caller.connections, 1);
    caller.tell({ kind: 'cancel', atMs: Number.POSITIVE_INFINITY });
    const later = run('until-aborted2');
    for (const reply of await Promise.all([...running, later]))
      assert.equal(reply.status === 'ok' && reply.value, 'AbortError');
    caller.tell({ kind: 'resume' });
    const next = run('until-aborted3');
    caller.tell({ kind: 'cancel', atMs: 0 });
    const ended = await Promise.race([next.then(() => 'ended'), turn()]);
    assert.equal(ended, 'goes on', 'a cancellation from before it began does not end it');
    await task.close();
    const reply = await next;
    assert.equal(reply.status === 'ok' && reply.value, 'AbortError', 'close ends it');
  });

  it('rejects a request that is pending when the task closes, and each later one', async () => {
    const caller = counted();
    const task = await openTask(fixture('channel-task'), { worker: 'w', services, connect: caller.connect });
    const pending = task.run(documentsOf(['ask-forever'])[0] as never);
    assert.equal(caller.sent.length, 1);
    await task.close();
    const reply = await pending;
    assert.match(String(reply.status === 'ok' && reply.value), /the session was closed/);
    const late = await task.run(documentsOf(['ask'])[0] as never);
    assert.match(late.status === 'failed' ? late.error.message : '', /the session was closed/);
    assert.equal(caller.sent.length, 1);
  });
});

/** Counts how often a global class is constructed, until `end`. */
function countConstructions(target: typeof globalThis, name: 'AbortController') {
  const original = target[name];
  let count = 0;
  target[name] = new Proxy(original, {
    construct(constructed, args) {
      count++;
      return Reflect.construct(constructed, args);
    },
  });
  return {
    end() {
      target[name] = original;
      return count;
    },
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve, 'goes on'));
