import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs, { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import queue from '../../strategies/batch-queue/queue.js';
import type { Outcome } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { sumOf } from '../fixtures/tasks/queue-task.js';
import { alive, descendants, until } from '../processes.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';
import { leftovers } from './leftovers.js';

const onLinux = { skip: process.platform !== 'linux' };
const parentModule = fileURLToPath(new URL('../fixtures/programs/queue-parent.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'forkwise-queue-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a session', () => {
  it('leaves no process, descriptor or file', onLinux, async () => {
    // The first child process opens descriptors that Node keeps open.
    await withSession(queue, fixture('queue-task'), { workers: 1 }, async () => {});
    const before = leftovers();
    for (let i = 0; i < 20; i++) {
      await withSession(queue, fixture('queue-task'), { workers: 1 }, async (session) => {
        assert.equal(session.transport, 'tmpfs');
        assert.deepEqual(leftovers().files, before.files, 'the file has no name while it is used');
        await outcomesOf(session, documentsOf(['plain', 'throw']), 2);
      });
    }
    await assert.rejects(
      queue.open(fixture('no-such-task'), { workers: 2, delivery: 'path' }),
      /no-such-task/,
    );
    assert.deepEqual(leftovers(), before);
  });

  it('moves references in messages when no folder takes the shared file', onLinux, async () => {
    const path = join(folder, 'content');
    writeFileSync(path, 'by path');
    const { openSync } = fs;
    fs.openSync = ((file: string, ...rest: [fs.OpenMode]) => {
      if (/\/forkwise-[\da-f]{8}-/.test(String(file)))
        throw new Error('ENOSPC: no space left on device, open');
      return openSync(file, ...rest);
    }) as typeof fs.openSync;
    syncBuiltinESMExports();
    try {
      await withSession(queue, fixture('reference-task'), { delivery: 'reference' }, async (session) => {
        assert.equal(session.transport, 'message');
        const documents = [
          { index: 0, id: 'text0', path },
          { index: 1, id: 'text1', size: 8, bytes: Buffer.from('by bytes') },
          { index: 2, id: 'text2', reference: { by: 'text', text: 'by reference' } },
          { index: 3, id: 'text3', reference: 'x'.repeat(5_000_000) }, // it is larger than a region
        ];
        const values = (await outcomesOf(session, documents, 4)).map(
          (one) => one.status === 'ok' && one.value,
        );
        const large = `"${'x'.repeat(5_000_000)}"`;
        assert.deepEqual(values, ['by path', 'by bytes', 'by reference', large]);
      });
    } finally {
      fs.openSync = openSync;
      syncBuiltinESMExports();
    }
  });

  it('returns a result as it was, even if the task changes it afterwards', async () => {
    await withSession(queue, fixture('queue-task'), { workers: 1 }, async (session) => {
      const documents = documentsOf(Array.from({ length: 300 }, (_, i) => `same-${i}`));
      const outcomes = await outcomesOf(session, documents, documents.length);
      for (const [i, outcome] of outcomes.entries()) {
        assert.equal(
          outcome.status === 'ok' && (outcome.value as { sum: string }).sum,
          sumOf(documents[i]?.bytes as Uint8Array),
        );
      }
    });
  });

  it('rejects with the error of the consumer, stops pulling, and can run again', async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      let pulled = 0;
      let returned = false;
      function* endless() {
        try {
          for (;;) yield { index: pulled, id: `plain-${pulled++}`, size: 3, bytes: new Uint8Array(3) };
        } finally {
          returned = true;
        }
      }
      const failing = session.run(endless(), ({ index }) => {
        if (index === 200) throw new Error('disk full');
      });
      await assert.rejects(failing, /disk full/);
      assert.equal(returned, true);
      await outcomesOf(session, documentsOf(['plain', 'turn', 'wait']), 3);
    });
  });

  it('gives every pulled document its outcome before it rejects with the error of the source', async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      for (const fails of [sourceThatFails(70), atOnce(sourceThatFails(70))]) {
        const seen = new Set<number>();
        await assert.rejects(
          session.run(fails, ({ index }) => void seen.add(index)),
          /no more pages/,
        );
        assert.equal(seen.size, 70);
      }
    });
  });

  it('replaces a worker that was killed from outside, both busy and idle', onLinux, async () => {
    await withSession(queue, fixture('queue-task'), {}, async (session) => {
      const kill = async () => {
        const [victim] = (await session.members()).processes;
        process.kill(victim?.pid as number, 'SIGKILL');
      };
      await kill();
      const ids = Array.from({ length: 300 }, (_, i) => `wait-${i}`);
      const { processes } = await session.members();
      let killed = false;
      const statuses = new Set<string>();
      let count = 0;
      await session.run(documentsOf(ids), ({ status }) => {
        statuses.add(status);
        if (++count > 50 && !killed) {
          killed = true;
          for (const { pid } of processes) process.kill(pid, 'SIGKILL');
        }
      });
      assert.deepEqual([[...statuses], count], [['ok'], ids.length]);
    });
  });

  it('gives up a worker that cuts its channel, or leaves it to a process it has started', {
    ...onLinux,
    timeout: 20_000,
  }, async () => {
    const marker = join(folder, 'heir');
    await withSession(queue, fixture('queue-task', { marker }), {}, async (session) => {
      const ids = ['plain', 'cut', 'plain', 'heir', 'plain'];
      const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
      const statuses = outcomes.map(({ status }) => status);
      assert.deepEqual(statuses, ['ok', 'crashed', 'ok', 'crashed', 'ok']);
      process.kill(Number(readFileSync(marker, 'latin1')));
    });
  });

  for (const [option, cause] of [
    ['failWhen', /3 workers in a row ended before they ran any document; .* the database has gone/],
    ['dieWhen', /3 workers in a row ended before they ran any document; .* exit code 4/],
  ] as const) {
    it(`gives up when no new worker starts (${option})`, async () => {
      const marker = join(folder, option);
      await withSession(
        queue,
        fixture('queue-task', { [option]: marker }),
        { workers: 1 },
        async (session) => {
          await outcomesOf(session, documentsOf(['plain']), 1);
          writeFileSync(marker, '');
          const ids = ['plain', 'exit', ...Array.from({ length: 500 }, (_, i) => `plain-${i}`)];
          const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
          const last = outcomes.at(-1) as Outcome;
          assert.match(last.status === 'crashed' ? last.error.message : last.status, cause);
          rmSync(marker);
          const [again] = await outcomesOf(session, documentsOf(['plain']), 1);
          assert.equal(again?.status, 'ok', 'the next run starts workers again');
        },
      );
    });
  }

  it('leaves the documents to workers that still work', async () => {
    const marker = join(folder, 'one lane');
    await withSession(queue, fixture('queue-task', { failWhen: marker }), { workers: 2 }, async (session) => {
      writeFileSync(marker, '');
      const ids = Array.from({ length: 400 }, (_, i) => (i === 100 ? 'exit' : `wait-${i}`));
      const outcomes = await outcomesOf(session, documentsOf(ids), ids.length);
      const crashed = outcomes.filter(({ status }) => status === 'crashed').length;
      assert.ok(crashed >= 1 && crashed <= 10, `${crashed} crashed`);
      rmSync(marker);
    });
  });

  it('ends a busy child and the reaper when its process is killed', {
    ...onLinux,
    timeout: 20_000,
  }, async () => {
    const marker = join(folder, 'loop');
    const parent = spawn(process.execPath, [
      parentModule,
      JSON.stringify(fixture('queue-task', { marker })),
      'loop',
    ]);
    let family: number[] = [];
    try {
      await until(() => existsSync(marker) && readFileSync(marker, 'latin1') !== '');
      family = descendants(parent.pid as number);
      assert.equal(family.length, 2, 'the worker and the reaper');
      assert.ok(family.includes(Number(readFileSync(marker, 'latin1'))));
      parent.kill('SIGKILL');
      await until(() => !family.some(alive));
    } finally {
      parent.kill('SIGKILL');
      for (const pid of family.filter(alive)) process.kill(pid, 'SIGKILL');
    }
  });

  it('sends documents in messages when no folder has room, and says why once', onLinux, async () => {
    // The limit is 4 KB per file: a write beyond it fails, as on a full disk.
    const confined = `trap '' XFSZ; ulimit -f 8; exec "$@"`;
    const args = [
      process.execPath,
      parentModule,
      JSON.stringify(fixture('queue-task')),
      'plain',
      'turn',
      'throw',
    ];
    const { stdout, stderr } = await promisify(execFile)('/bin/sh', ['-c', confined, 'sh', ...args]);
    assert.deepEqual(JSON.parse(stdout), {
      transport: 'message',
      statuses: ['plain:ok', 'turn:ok', 'throw:failed'],
    });
    assert.equal(stderr.split('documents travel in messages: "/dev/shm" took no file').length, 2, stderr);
    assert.match(stderr, /EFBIG/);
  });
});

async function* atOnce<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function* sourceThatFails(after: number): Generator<Document> {
  yield* documentsOf(Array.from({ length: after }, (_, i) => `plain-${i}`));
  throw new Error('no more pages');
}
