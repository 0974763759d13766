import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { Requests } from '../../strategies/processes/requests.js';

interface Message {
  readonly name: string;
  readonly alone?: true;
}

/** Requests to a process that is made up, with a time limit of one second. */
class Asked {
  readonly kills: string[] = [];
  readonly requests: Requests<Message, object>;

  constructor({ atOnce }: { readonly atOnce: number }) {
    const process = { send: () => true, kill: (signal: string) => this.kills.push(signal) };
    this.requests = new Requests<Message, object>(process as unknown as ChildProcess, {
      limitOf: () => ({ ms: 1000, isWatched: true }),
      atOnce: () => atOnce,
      isAlone: ({ alone }) => alone === true,
    });
  }

  ask(...messages: readonly Message[]): void {
    for (const message of messages) this.requests.ask(message, null).catch(() => {});
  }
}

describe('requests to a child with a time limit', () => {
  // `requests.ts` imports the timers by name.
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    syncBuiltinESMExports();
  });
  afterEach(() => {
    mock.timers.reset();
    syncBuiltinESMExports();
  });

  it('kill the child that does not answer the one it has begun', () => {
    const asked = new Asked({ atOnce: 1 });
    asked.ask({ name: 'first' });
    asked.requests.began({ request: 1 });
    mock.timers.tick(1000);
    assert.deepEqual(asked.kills, []);
    mock.timers.tick(1000);
    assert.deepEqual(asked.kills, ['SIGKILL']);
  });

  it('kill the child that begins none', () => {
    const asked = new Asked({ atOnce: 2 });
    asked.ask({ name: 'first' }, { name: 'second' });
    mock.timers.tick(10_000);
    assert.ok(asked.kills.length > 0);
  });

  it('wait for one that others keep from beginning', () => {
    const asked = new Asked({ atOnce: 2 });
    asked.ask({ name: 'first' }, { name: 'behind it' });
    asked.requests.began({ request: 1 });
    for (let i = 0; i < 100; i++) {
      mock.timers.tick(900);
      asked.requests.touched({ request: 1 });
    }
    asked.requests.answered({ request: 1 });
    mock.timers.tick(1000);
    assert.deepEqual(asked.kills, []);
    mock.timers.tick(10_000);
    assert.deepEqual(asked.kills, ['SIGKILL'], 'the one behind has never begun');
  });

  it('wait for one that is not sent beside another one', () => {
    const asked = new Asked({ atOnce: 2 });
    asked.ask({ name: 'alone', alone: true }, { name: 'not sent' });
    for (let i = 0; i < 6; i++) {
      mock.timers.tick(900);
      asked.requests.touched({ request: 1 }); // it has not begun, and its time begins again
    }
    mock.timers.tick(5000);
    assert.deepEqual(asked.kills, []);
  });
});
