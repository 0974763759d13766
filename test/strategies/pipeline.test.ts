import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import sequential from '../../strategies/main-thread/sequential.js';
import pipeline from '../../strategies/pipeline/pipeline.js';
import type { OpenOptions, Outcome } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import type { Passed } from '../fixtures/tasks/stages/stages-task.js';
import { descendants, isWorker, until } from '../processes.js';
import { documentsOf, fixture, outcomesOf, withSession } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const onLinux = { skip: process.platform !== 'linux', timeout: 60_000 };
const names = ['load', 'encode', 'write'];
const numbered = (count: number) => Array.from({ length: count }, (_, i) => `ok${i}`);

async function outcomesFor(
  task: string,
  ids: readonly string[],
  options: Partial<OpenOptions> = {},
  taskOptions: Readonly<Record<string, unknown>> = {},
): Promise<Outcome[]> {
  return withSession(pipeline, fixture(task, taskOptions), { workers: 3, ...options }, (session) =>
    outcomesOf(session, documentsOf(ids), ids.length),
  );
}

function resultOf(outcome: Outcome | undefined): unknown {
  assert.ok(outcome?.status === 'ok', JSON.stringify(outcome));
  return outcome.value;
}

function notesOf(outcome: Outcome | undefined): Passed['notes'] {
  return (resultOf(outcome) as Passed).notes;
}

describe('stages', () => {
  for (const workers of [1, 3, 5])
    it(`runs every document through all stages, with ${workers} workers`, async () => {
      const marks = mkdtempSync(join(folder, 'setups-'));
      const ids = numbered(20);
      const outcomes = await outcomesFor('stages/stages-task', ids, { workers, runId: 'run' }, { marks });
      for (const [index, outcome] of outcomes.entries()) {
        const { id, index: seen, notes } = resultOf(outcome) as Passed;
        assert.deepEqual([id, seen, notes[0]], [ids[index], index, 100]);
        assert.match(String(notes[1]), /^batch of [1-4]$/);
        assert.match(String(notes[2]), /^run-[0-9a-f]+$/);
        assert.ok((outcome.queuedMs ?? -1) >= 0 && (outcome.taskMs ?? -1) >= 0);
      }
      // A stage is set up in the workers that serve it, and nowhere else.
      const setups = readFileSync(join(marks, 'setups'), 'utf8').trim().split('\n');
      assert.equal(setups.length, workers < names.length ? workers * names.length : workers);
    });

  it('gives a stage batches, and the rest of one when nothing follows', async () => {
    const sizes = (await outcomesFor('stages/stages-task', numbered(14))).map(
      (outcome) => notesOf(outcome)[1],
    );
    assert.ok(sizes.filter((size) => size === 'batch of 4').length >= 8, sizes.join());
    const one = await outcomesFor('stages/stages-task', ['ok']);
    assert.equal(notesOf(one[0])[1], 'batch of 1');
  });

  it('runs the values of a batch that fails one by one', async () => {
    const ids = [...numbered(3), 'throw@encode', ...numbered(4), 'function@encode'];
    const outcomes = await outcomesFor('stages/stages-task', ids);
    for (const { id, status } of outcomes) assert.equal(status, id.startsWith('ok') ? 'ok' : 'failed', id);
    const alone = outcomes.filter(
      (outcome) => outcome.status === 'ok' && notesOf(outcome)[1] === 'batch of 1',
    );
    assert.ok(alone.length >= 1, 'the others of its batch ran again, alone');
  });

  it('makes values of one document run beside each other, and brings them back in their order', async () => {
    const ids = ['3', '0', 'no', '5', '1'];
    const run = (strategy: typeof pipeline | typeof sequential) =>
      withSession(strategy, fixture('stages/parts-task'), { workers: 4, runId: 'run' }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
    const [ours, theirs] = [await run(pipeline), await run(sequential)];
    for (const [i, outcome] of ours.entries()) {
      if (ids[i] === 'no') {
        assert.ok(outcome.status === 'failed');
        assert.match(outcome.error.message, /stage "split": expected an array/);
      } else {
        assert.deepEqual(resultOf(outcome), resultOf(theirs[i]));
        assert.equal((resultOf(outcome) as unknown[]).length, 2 * Number(ids[i]));
      }
    }
  });

  it('has one outcome for what goes wrong in each stage, with the stage, and later stages never see it', {
    ...onLinux,
  }, async () => {
    const ends = {
      throw: 'failed',
      function: 'failed',
      never: 'timed-out',
      loop: 'timed-out',
      exit: 'crashed',
    } as const;
    const bad = [
      ...['throw', 'exit'].flatMap((what) => names.map((stage) => `${what}@${stage}`)),
      ...['function@load', 'never@load', 'loop@encode', 'never@write'],
    ];
    const ids = bad.flatMap((id) => [id, 'ok', 'wait@encode']);
    const outcomes = await outcomesFor('stages/stages-task', ids, { workers: 6, timeoutMs: 400 });
    for (const outcome of outcomes) {
      const [what = '', stage] = outcome.id.split('@');
      if (!(what in ends)) {
        assert.equal(outcome.status, 'ok', outcome.id);
        continue;
      }
      assert.ok(outcome.status !== 'ok', outcome.id);
      assert.equal(outcome.status, ends[what as keyof typeof ends], outcome.id);
      const { data, message, cause, code } = outcome.error;
      assert.deepEqual(
        [data?.stage, data?.document],
        stage === undefined ? [] : [stage, outcome.id],
        message,
      );
      if (what === 'throw') assert.deepEqual([cause?.name, code], ['RangeError', 'E_BAD']);
    }
  });

  it('runs a document once more, from the first stage, whose worker has ended', { ...onLinux }, async () => {
    const marks = mkdtempSync(join(folder, 'once-'));
    const ids = names.flatMap((stage) => [`exit-once@${stage}`, ...numbered(9)]);
    const outcomes = await outcomesFor('stages/stages-task', ids, { workers: 4 }, { marks });
    for (const outcome of outcomes) assert.equal(outcome.status, 'ok', JSON.stringify(outcome));
  });

  it('cancels a document in a later stage, and no other', async () => {
    const ids = [...numbered(6), 'until@encode', ...numbered(6)];
    const configuration = { load: 1, encode: 2, write: 1 };
    await withSession(
      pipeline,
      fixture('stages/stages-task'),
      { workers: 4, configuration },
      async (session) => {
        const statuses: string[] = [];
        let done = 0;
        await session.run(
          documentsOf(ids),
          ({ index, status }) => {
            statuses[index] = status;
            if (++done === ids.length - 1) session.cancel(6);
          },
          { cancellable: (index) => index === 6 },
        );
        // It has its signal, and passes; the caller discards the outcome.
        assert.deepEqual(
          statuses.filter((_, i) => i !== 6),
          Array.from({ length: 12 }, () => 'ok'),
        );
      },
    );
  });
});

describe('queues', () => {
  it('hold the source back, by places', async () => {
    const [places, workers, count] = [2, 3, 60];
    let pulled = 0;
    let emitted = 0;
    let ahead = 0;
    function* source(): Generator<Document> {
      for (const document of documentsOf(numbered(count))) {
        pulled++;
        ahead = Math.max(ahead, pulled - emitted);
        yield document;
      }
    }
    const task = fixture('stages/steps-task', { steps: 1000 });
    await withSession(pipeline, task, { workers, pipeline: { places } }, (session) =>
      session.run(source(), async () => {
        await new Promise((resolve) => setTimeout(resolve, 3));
        emitted++;
      }),
    );
    assert.equal(emitted, count);
    // Each queue has its places and what its workers have finished; documents wait in front of the first
    // stage.
    const max = names.length * (places + 1) + workers + 2;
    assert.ok(ahead <= max, `${ahead} documents were ahead, expected at most ${max}`);
  });

  it('hold the stages back, by bytes', async () => {
    const [workers, mb, bytes] = [3, 4, 300_000];
    const ids = numbered(60);
    let emitted = 0;
    let max = 0;
    await withSession(
      pipeline,
      fixture('stages/steps-task', { bytes }),
      { workers, pipeline: { mb } },
      (session) =>
        session.run(documentsOf(ids), async () => {
          const [first] = session.stages?.() ?? [];
          max = Math.max(max, (first?.documents ?? 0) - emitted);
          await new Promise((resolve) => setTimeout(resolve, 3));
          emitted++;
        }),
    );
    assert.equal(emitted, ids.length);
    const allowed = (mb * 2 ** 20) / bytes + workers + 2;
    assert.ok(max > 1 && max <= allowed, `${max} results were there at a time, expected at most ${allowed}`);
  });
});

describe('workers of stages', () => {
  it('are as many as the configuration says', async () => {
    const configuration = { load: 1, encode: 3, write: 1 };
    await withSession(
      pipeline,
      fixture('stages/stages-task'),
      { workers: 5, configuration },
      async (session) => {
        await outcomesOf(session, documentsOf(numbered(12)), 12);
        const stages = session.stages?.() ?? [];
        assert.deepEqual(
          stages.map(({ stage, workers, documents }) => [stage, workers, documents]),
          [
            ['load', 1, 12],
            ['encode', 3, 12],
            ['write', 1, 12],
          ],
        );
        assert.ok(stages.every(({ busyMs, idleMs, waiting }) => busyMs > 0 && idleMs >= 0 && waiting === 0));
        const { processes, engines } = await session.members();
        assert.deepEqual([processes.length, engines.length], [1, 5]);
      },
    );
  });

  it('are refused where the configuration is wrong', async () => {
    const open = (configuration: Record<string, number>, workers = 3) =>
      pipeline.open(fixture('stages/stages-task'), { workers, delivery: 'clone', configuration });
    await assert.rejects(
      open({ load: 1, decode: 2 }),
      /no stage "decode"; its stages are load, encode, write/,
    );
    await assert.rejects(open({ load: 1, encode: 1 }), /at least one worker for the stage "write", got none/);
    await assert.rejects(open({ load: 1, encode: 1, write: 2 }), /to be 3 together, got 4/);
  });

  it('move to the stage that needs them, while documents run', { timeout: 60_000 }, async () => {
    const lines: string[] = [];
    const task = fixture('stages/steps-task', { steps: 0, slowMs: 30 });
    const onDecision = (line: string) => void lines.push(line);
    await withSession(pipeline, task, { workers: 6, pipeline: { onDecision } }, async (session) => {
      const before = (session.stages?.() ?? []).map(({ workers }) => workers);
      assert.deepEqual(before, [2, 2, 2]);
      function* source(): Generator<Document> {
        for (let index = 0; lines.length === 0; index++)
          yield { index, id: `ok${index}`, size: 1, bytes: new Uint8Array(1) };
      }
      let failed = 0;
      await session.run(source(), ({ status }) => {
        if (status !== 'ok') failed++;
      });
      assert.equal(failed, 0);
      const workers = (session.stages?.() ?? []).map(({ workers }) => workers);
      assert.deepEqual(workers, [1, 4, 1]);
      assert.match(lines[0] as string, /slow 2 → 4/);
      // The next run finds them there.
      await outcomesOf(session, documentsOf(numbered(8)), 8);
      assert.equal((await session.members()).engines.length, 6);
    });
  });
});

describe('a pipeline that has stalled', () => {
  it('fails, says what is in each queue, and leaves nothing behind', { ...onLinux }, async () => {
    const marks = mkdtempSync(join(folder, 'stall-'));
    const task = fixture('stages/steps-task', { steps: 0, stuck: join(marks, 'stuck') });
    const before = descendants(process.pid).filter(isWorker).length;
    const session = await pipeline.open(task, {
      workers: 3,
      delivery: 'clone',
      pipeline: { stallMs: 1500 },
    });
    const ids = [...numbered(5), 'exit', ...numbered(5)];
    await assert.rejects(
      session.run(documentsOf(ids), () => {}),
      /stalled: nothing has moved for [\d.]+ s, .*slow: [1-9]\d* waiting .* 0 of 1 workers ready, 1 starting/,
    );
    await session.close();
    await until(() => descendants(process.pid).filter(isWorker).length <= before);
  });
});
