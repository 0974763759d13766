import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Document } from '../../workloads/workload.js';
import { collect, document, documents, Puppet, settled, withRunner } from './puppet.js';

describe('documents that crash', () => {
  it('are not run again, by their id, while other documents go on', async () => {
    await withRunner({ strategy: 'self-scheduling' }, async (runner) => {
      const first = await runner.run(document('exit'));
      assert.deepEqual([first.status, first.status !== 'ok' && first.error.attempts], ['crashed', 2]);
      const [again, fine] = await Promise.all([runner.run(document('exit')), runner.run(document('size'))]);
      assert.match(
        again.status === 'crashed' ? again.error.message : '',
        /has ended 2 workers of this session and is not run again/,
      );
      assert.equal(fine.status, 'ok');
      const stream = await collect(
        runner.process([document('size1'), document('exit'), document('size2')], { ordered: true }),
      );
      assert.deepEqual(
        stream.map(({ index, status }) => [index, status]),
        [
          [0, 'ok'],
          [1, 'crashed'],
          [2, 'ok'],
        ],
      );
      assert.equal(runner.stats().outcomes.crashed, 3);
    });
  });

  it('workers that were given up get another chance: a storm is not for ever', async () => {
    await withRunner({ strategy: 'self-scheduling', workers: 1 }, async (runner) => {
      const outcomes = await collect(runner.process(documents(14, 'exit')));
      assert.ok(outcomes.every(({ status }) => status === 'crashed'));
      assert.ok(
        outcomes.some((outcome) => outcome.status === 'crashed' && outcome.error.attempts === undefined),
      );
      assert.equal((await runner.run(document('size'))).status, 'ok');
    });
  });

  it('are not run again while others are under way, either', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const first = Promise.all([runner.run(document('poison')), runner.run(document('long'))]);
    await settled();
    const [poison, long] = puppet.pulled as [Document, Document];
    puppet.crash(poison, 2);
    assert.equal((await runner.run(document('poison'))).status, 'crashed');
    assert.deepEqual([puppet.runs, puppet.pulled.length], [1, 2]);
    puppet.ok(long);
    await first;
    await runner.close();
  });

  it('begin another run when nothing is under way, or when no worker is left', async () => {
    const puppet = new Puppet();
    const runner = puppet.runner();
    const ask = async (id: string) => {
      const outcome = runner.run(document(id));
      await settled();
      return { outcome, at: puppet.pulled.at(-1) as Document };
    };
    const [a, b] = [await ask('a'), await ask('b')];
    puppet.crash(a.at, 1);
    await settled();
    const c = await ask('c');
    assert.equal(puppet.runs, 1); // b is under way
    puppet.ok(b.at);
    puppet.ok(c.at);
    await settled();
    const d = await ask('d');
    assert.equal(puppet.runs, 2);
    const e = await ask('e');
    puppet.crash(d.at);
    await settled();
    const f = runner.run(document('f'));
    await settled();
    assert.equal(puppet.pulled.at(-1)?.id, 'e'); // it waits for the next run
    puppet.ok(e.at);
    await settled();
    assert.equal(puppet.runs, 3);
    puppet.ok(puppet.pulled.at(-1) as Document);
    assert.equal((await f).id, 'f');
    await runner.close();
  });
});
