import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { loadWorkload } from '../../workloads/load-workload.js';
import { composed } from '../../workloads/stages/composed.js';
import { openStage, type StageItem } from '../../workloads/stages/open-stage.js';
import { StageTimeout } from '../../workloads/stages/stage-error.js';
import { batchOf, type Stage, stagesOf } from '../../workloads/stages/stages.js';
import { compileTask } from '../../workloads/task-file.js';
import { type Context, contextWithoutSession } from '../../workloads/workload.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-stages-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const signal = new AbortController().signal;
const document = (text: string) => {
  const bytes = new TextEncoder().encode(text);
  return { index: 0, id: text, size: bytes.length, bytes };
};
const contextWith = (state: unknown): Context => ({
  ...contextWithoutSession({ state, options: {}, signal }),
  key: 'run-7',
});

/** Runs composed stages over one text. */
async function result(stages: readonly Stage[], text = 'a b'): Promise<unknown> {
  const { setup, default: run, teardown } = composed(stages);
  const state = await setup?.({});
  try {
    return await run(document(text), contextWith(state));
  } finally {
    await teardown?.(state);
  }
}

const read: Stage = {
  name: 'read',
  run: (document) => Buffer.from((document as { bytes: Uint8Array }).bytes).toString(),
};
const words: Stage = { name: 'words', flatMap: true, run: (text) => (text as string).split(' ') };

describe('stages are refused', () => {
  const run = () => 1;
  const refused: [what: string, module: Record<string, unknown>, message: RegExp][] = [
    ['that are none', { stages: {} }, /expected `stages` to be an array of stages.*got an object/],
    ['of which there are none', { stages: [] }, /got an empty array/],
    ['that are functions', { stages: [run] }, /expected `stages\[0\]` to be a stage.*got a function/],
    [
      'with one name',
      {
        stages: [
          { name: 'a', run },
          { name: 'a', run },
        ],
      },
      /two stages have the name "a"/,
    ],
    ['without a name', { stages: [{ run }] }, /the name of `stages\[0\]` to be a plain word.*got nothing/],
    ['with a name of signs', { stages: [{ name: 'a=1', run }] }, /plain word.*got "a=1"/],
    ['without a function', { stages: [{ name: 'a' }] }, /`run` of stage "a".*got nothing/],
    [
      'with an unknown key',
      { stages: [{ name: 'a', run, tearDown: run }] },
      /"tearDown".*did you mean "teardown"/,
    ],
    [
      'with a batch of no size',
      { stages: [{ name: 'a', run, batch: { ms: 5 } }] },
      /`batch.documents` of stage "a"/,
    ],
    [
      'with an odd batch',
      { stages: [{ name: 'a', run, batch: { documents: 1, size: 5 } }] },
      /unknown key "size" in `batch`/,
    ],
    [
      'without time',
      { stages: [{ name: 'a', run, timeoutMs: 0 }] },
      /`timeoutMs` of stage "a".*from 1.*got 0/,
    ],
    ['of another kind', { stages: [{ name: 'a', run, kind: 'gpu' }] }, /`kind` of stage "a".*got "gpu"/],
    ['that are isolated oddly', { stages: [{ name: 'a', run, isolation: 'none' }] }, /'thread' or 'process'/],
    [
      'beside a default export',
      { stages: [{ name: 'a', run }], default: run },
      /got both; remove one of them/,
    ],
    ['beside a setup', { stages: [{ name: 'a', run }], setup: run }, /move it into the stage that needs it/],
  ];
  for (const [what, module, message] of refused)
    it(what, () => assert.throws(() => stagesOf(module), { name: 'WorkloadError', message }));

  it('and a module without any has none', () => assert.equal(stagesOf({ default: run }), null));
});

describe('composed stages', () => {
  it('pass on what the stage before returned, without a promise where none waits', async () => {
    const length: Stage = { name: 'length', run: (text) => (text as string).length };
    const { setup, default: run } = composed([read, length]);
    assert.equal(run(document('abc'), contextWith(await setup?.({}))), 3);
  });

  it('give the array of last values where a stage has flatMap, perhaps empty', async () => {
    const twice: Stage = { name: 'twice', flatMap: true, run: (word) => [word, word] };
    assert.deepEqual(await result([read, words, twice]), ['a', 'a', 'b', 'b']);
    assert.deepEqual(await result([read, { name: 'none', flatMap: true, run: () => [] }, twice]), []);
  });

  it('tell the parts of a document apart by their keys', async () => {
    const key: Stage = { name: 'key', run: (_, { key }) => key };
    assert.deepEqual(await result([read, words, key]), ['run-7.0', 'run-7.1']);
    assert.equal(await result([read, key]), 'run-7');
  });

  it('have a state each, are closed in reverse, and all although one throws', async () => {
    const seen: string[] = [];
    const stage = (name: string): Stage => ({
      name,
      setup: () => `${name}!`,
      run: (value, { state }) => `${typeof value === 'string' ? value : ''}${state}`,
      teardown(state) {
        seen.push(`${state}`);
        throw new Error(`${name} broke`);
      },
    });
    const stages = [stage('a'), stage('b')];
    const { setup, default: run, teardown } = composed(stages);
    const state = await setup?.({});
    assert.equal(run(document(''), contextWith(state)), 'a!b!');
    await assert.rejects(async () => teardown?.(state), { message: '`teardown` of stage "b": b broke' });
    assert.deepEqual(seen, ['b!', 'a!']);
  });

  it('close the stages before the one whose setup throws', async () => {
    const closed: string[] = [];
    const { setup } = composed([
      { ...read, setup: () => 'open', teardown: (state) => void closed.push(state as string) },
      { name: 'model', run: () => 1, setup: () => Promise.reject(new Error('no such file')) },
    ]);
    await assert.rejects(async () => setup?.({}), { message: '`setup` of stage "model": no such file' });
    assert.deepEqual(closed, ['open']);
  });

  it('fail with the stage, the document, the code and the cause', async () => {
    const cause = Object.assign(new RangeError('too far'), { code: 'EFAR' });
    const stages: Stage[] = [read, { name: 'go', run: () => Promise.reject(cause) }];
    await assert.rejects(result(stages), {
      name: 'StageError',
      message: 'stage "go": too far',
      stage: 'go',
      document: 'a b',
      code: 'EFAR',
      cause,
    });
  });

  it('refuse what is no array, where one is expected', async () => {
    await assert.rejects(result([read, { ...words, run: () => 1 }]), {
      message:
        /stage "words": expected an array, because the stage has `flatMap`, got a value of type number/,
    });
    await assert.rejects(result([read, { name: 'many', batch: { documents: 4 }, run: () => [] }]), {
      message: /stage "many": expected an array with one result for each value.*got 0 of them/,
    });
  });

  it('have time limits of their own, and hear of them by the signal', async () => {
    let reason: unknown;
    const hang: Stage = {
      name: 'hang',
      timeoutMs: 20,
      run: (_, { signal }) =>
        new Promise((resolve) => {
          const open = setTimeout(resolve, 60_000);
          signal.addEventListener('abort', () => {
            clearTimeout(open);
            ({ reason } = signal);
          });
        }),
    };
    await assert.rejects(result([{ ...read, timeoutMs: 60_000 }, hang]), (error: Error) => {
      assert.ok(error instanceof StageTimeout);
      assert.equal(error.name, 'TimeoutError');
      assert.equal(error.message, 'stage "hang": the stage was still running after 20 ms');
      return true;
    });
    assert.equal((reason as Error).name, 'TimeoutError');
    const spin: Stage = {
      name: 'spin',
      timeoutMs: 1,
      run() {
        const untilMs = performance.now() + 5;
        while (performance.now() < untilMs);
      },
    };
    await assert.rejects(result([spin]), StageTimeout);
  });
});

describe('an open stage', () => {
  const items = (...values: unknown[]): StageItem[] =>
    values.map((value, i) => ({ value, context: contextWith(null), document: `d${i}`, part: '' }));

  it('runs a batch in one call, with a context each', async () => {
    const calls: unknown[] = [];
    const stage = await openStage(
      {
        name: 'double',
        batch: { documents: 8 },
        setup: () => 2,
        run(values: number[], contexts: Context<number>[]) {
          calls.push(values);
          return values.map((value, i) => value * (contexts[i]?.state ?? 0));
        },
      },
      {},
    );
    assert.deepEqual(await stage.run(items(1, 2, 3)), [{ values: [2] }, { values: [4] }, { values: [6] }]);
    assert.deepEqual(calls, [[1, 2, 3]]);
    assert.deepEqual(batchOf(stage.stage), { documents: 8, ms: 5 });
  });

  it('runs the values of a batch that fails one by one', async () => {
    const calls: unknown[] = [];
    const stage = await openStage(
      {
        name: 'half',
        batch: { documents: 8, ms: 0 },
        async run(values: unknown[]) {
          await wait(1);
          calls.push(values);
          if (values.includes('bad')) throw new Error('bad one');
          return values.map((value) => (value as number) / 2);
        },
      },
      {},
    );
    const [first, second, third] = await stage.run(items(2, 'bad', 6));
    assert.deepEqual(first, { values: [1] });
    assert.deepEqual(third, { values: [3] });
    assert.ok(second !== undefined && 'error' in second);
    assert.equal(second.error.message, 'stage "half": bad one');
    assert.equal(second.error.document, 'd1');
    assert.deepEqual(calls, [[2, 'bad', 6], [2], ['bad'], [6]]);
  });
});

describe('a task file with stages', () => {
  const stages = `[{ name: 'read', run: (d) => d.id }, { name: 'up', run: (t) => t.toUpperCase() }]`;
  const sources: [name: string, source: string, task: string][] = [
    ['ts.ts', `export const stages: object[] = ${stages.replace('(t)', '(t: string)')};`, ''],
    ['named.mjs', `export const chain = ${stages}; export default () => 1;`, '#chain'],
    ['common.cjs', `module.exports = { stages: ${stages} };`, ''],
    ['exports.cjs', `exports.stages = ${stages}; exports.digest = (text) => text + '!';`, ''],
  ];
  for (const [name, source, task] of sources)
    it(`is composed: ${name}${task}`, async () => {
      const file = join(folder, name);
      writeFileSync(file, source);
      const workload = await loadWorkload((await compileTask(`${file}${task}`)).ref);
      assert.deepEqual(
        workload.stages?.map(({ name }) => name),
        ['read', 'up'],
      );
      const state = await workload.setup?.({});
      assert.equal(workload.default(document('abc'), contextWith(state)), 'ABC');
      if (name === 'exports.cjs') assert.equal(workload.digest?.('a'), 'a!');
    });

  it('is refused with the name of the task', async () => {
    const file = join(folder, 'both.mjs');
    writeFileSync(file, `export const stages = ${stages}; export default () => 1;`);
    const { ref } = await compileTask(file);
    await assert.rejects(loadWorkload(ref), {
      message: /^task module "both": expected a default export or `stages`/,
    });
    const named = join(folder, 'beside.mjs');
    writeFileSync(named, `export const stages = ${stages}; export const one = () => 1;`);
    const { stages: none } = await loadWorkload((await compileTask(`${named}#one`)).ref);
    assert.equal(none, null);
  });
});
