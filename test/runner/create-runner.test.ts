import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import {
  compileTask,
  createRunner,
  type InputDocument,
  type Recommendation,
  type RunnerOptions,
} from '../../index.js';
import { checkConfiguration } from '../../runner/open-strategy.js';
import { effectiveCores } from '../../strategies/processes/cores.js';
import { fixture } from '../support.js';
import { recommendation } from './recommendations.js';

const odd = new URL(fixture('odd-task').url);
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const document = (id: string, size = 10): InputDocument => ({ id, bytes: new Uint8Array(size).fill(1) });
const documents = (count: number, id: string, size: number) =>
  Array.from({ length: count }, (_, i) => document(`${id}${i}`, size));

async function drained(outcomes: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of outcomes);
}

describe('createRunner', () => {
  const task = join(folder, 'task.mjs');
  writeFileSync(
    task,
    "export const kind = 'cpu';\nexport default (document, { options }) => options.unit ?? document.size;\n",
  );

  it('takes a recommendation, and one with a task of its own', async () => {
    const { sha256 } = await compileTask(task);
    const made = recommendation({ strategy: 'thread-pool', workers: 1, delivery: 'transfer', task });
    const given = { ...made, task: { ...made.task, sha256 } };
    const warnings: string[] = [];
    const onWarning = (warning: string) => warnings.push(warning);
    for (const options of [
      given,
      { ...given, task, onWarning },
      { ...given, onWarning, options: { unit: 'KB' } },
    ]) {
      const runner = await createRunner(options);
      const outcome = await runner.run(document('a'));
      assert.equal(outcome.status === 'ok' && outcome.value, !('options' in options) ? 10 : 'KB');
      assert.equal(runner.stats().strategy, 'thread-pool');
      await runner.close();
    }
    assert.deepEqual(warnings, []);
  });

  it('answers its tasks, and broadcasts to them', async () => {
    const task = new URL(fixture('channel-task').url);
    const channel = { onRequest: (request: unknown) => (request as { id: string }).id };
    const runner = await createRunner({ task, strategy: 'self-scheduling', workers: 1, channel });
    runner.broadcast({ level: 3 });
    const [asked, heard] = await Promise.all([runner.run(document('ask')), runner.run(document('latest'))]);
    assert.deepEqual(
      [asked.status === 'ok' && asked.value, heard.status === 'ok' && heard.value],
      ['ask', { level: 3 }],
    );
    await runner.close();
    assert.throws(() => runner.broadcast('late'), /closed/);
  });

  it('warns once of another environment, of another task, and of documents of other sizes', async () => {
    const warnings: string[] = [];
    const valid = recommendation({ task }).validWhen;
    const given: Recommendation = {
      ...recommendation({ task }),
      task: { name: 'task', file: task, export: 'default', sha256: '0'.repeat(64) },
      validWhen: { ...valid, nodeMajor: 99, cores: 128, documentBytes: { p5: 100, p95: 200 } },
    };
    const runner = await createRunner({ ...given, onWarning: (warning: string) => warnings.push(warning) });
    const cores = effectiveCores().effective;
    assert.match(warnings[0] ?? '', /task\.mjs" has changed since it was measured/);
    assert.match(
      warnings[1] ?? '',
      new RegExp(`Node 99, here ${process.versions.node.split('.')[0]}; 128 effective cores, here ${cores}`),
    );
    assert.equal(warnings.length, 2);
    await drained(runner.process(documents(40, 'a', 401)));
    await drained(runner.process(documents(160, 'a', 399))); // twice as large is allowed
    assert.equal(warnings.length, 2);
    await drained(runner.process(documents(400, 'a', 401)));
    assert.match(warnings[2] ?? '', /documents of 100 to 200 bytes .* more than 401/);
    assert.equal(warnings.length, 3);
    await runner.close();
  });

  it('warns through the process where no `onWarning` is given', async () => {
    const script = join(folder, 'warns.mjs');
    const given = { ...recommendation({ task }), onWarning: undefined };
    const valid = { ...given.validWhen, platform: 'plan9' };
    writeFileSync(
      script,
      `import { createRunner } from ${JSON.stringify(new URL('../../index.js', import.meta.url).href)};
      const runner = await createRunner(${JSON.stringify({ ...given, validWhen: valid })});
      await runner.close();`,
    );
    const { stderr } = await promisify(execFile)(process.execPath, [script]);
    assert.match(stderr, /ForkwiseWarning: the strategy was measured with plan9/);
  });

  const bad: [options: Record<string, unknown>, error: RegExp][] = [
    [{ task: () => 1 }, /TypeError: .*got a function/],
    [{ task: join(folder, 'none.mjs') }, /WorkloadError/],
    [{ strategy: 'threads' }, /RangeError: expected a strategy of sequential, .*, got "threads"/],
    [{ strategy: undefined }, /TypeError: expected the option "strategy", got nothing; .* pick/],
    [{ workers: undefined }, /TypeError: expected the option "workers"/],
    [{ timeoutMS: 5 }, /TypeError: unknown option "timeoutMS"; did you mean "timeoutMs"\?/],
    [{ workers: 0 }, /RangeError: expected workers to be a whole number from 1 on, got 0/],
    [
      { delivery: 'path' },
      /RangeError: expected a delivery that "sequential" has \(none, reference\), got "path"/,
    ],
    [{ timeoutMs: -1 }, /RangeError: expected timeoutMs to be a number above 0, or null for none, got -1/],
    [{ heapMb: '5' }, /RangeError: expected heapMb/],
    [
      { configuration: { processes: 2 } },
      /RangeError: expected configuration to have only axes of "sequential" \(it has none\), got "processes"/,
    ],
  ];
  for (const [options, error] of bad) {
    it(`refuses ${Object.keys(options)} ${String(Object.values(options)).slice(0, 20)}`, async () => {
      const created = createRunner({ task, strategy: 'sequential', workers: 1, ...options } as RunnerOptions);
      await assert.rejects(created, (cause) => error.test(String(cause)));
    });
  }

  it('gives its time limit to the strategy', async () => {
    const runner = await createRunner({ task: odd, strategy: 'thread-pool', workers: 2, timeoutMs: 50 });
    assert.equal((await runner.run(document('loop'))).status, 'timed-out');
    assert.equal((await runner.run(document('size'))).status, 'ok');
    await runner.close();
  });
});

it('a configuration gives numbers to the axes that a strategy has', () => {
  const strategy = { name: 'hybrid', axes: ['processes', 'threads'] };
  checkConfiguration(strategy, { processes: 2 });
  checkConfiguration(strategy, {});
  assert.throws(
    () => checkConfiguration(strategy, { processes: 2, fibres: 4 }),
    /RangeError: expected configuration to have only axes of "hybrid" \(processes, threads\), got "fibres"/,
  );
  assert.throws(
    () => checkConfiguration(strategy, { threads: Number.NaN }),
    /RangeError: expected configuration.threads to be a number from 0 on, got NaN/,
  );
});

it('the library loads no chart, statistics, table or command-line code', async () => {
  const script = join(folder, 'loads.mjs');
  const hooks = `export async function load(url, context, next) {
    process.stdout.write(url + '\\n'); return next(url, context); }`;
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { writeSync } from 'node:fs';\n${hooks.replace('process.stdout.write(', 'writeSync(1, ')}`,
  );
  writeFileSync(
    script,
    `import { register } from 'node:module';
    register('./hooks.mjs', import.meta.url);
    await import(${JSON.stringify(new URL('../../index.js', import.meta.url).href)});`,
  );
  const { stdout } = await promisify(execFile)(process.execPath, [script]);
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  const loaded = stdout
    .split('\n')
    .filter((url) => url.startsWith('file:') && !url.includes('hooks'))
    .map((url) => fileURLToPath(url).slice(root.length));
  assert.ok(loaded.includes('dist/runner/runner.js'), stdout);
  assert.ok(!stdout.includes('prom-client'));
  const expected = [
    /^dist\/(runner\/|strategies\/(?!peers))/,
    /^dist\/(index|services\/cache\/(cache-facts|room))\.js$/,
    /^dist\/workloads\/(workload|read-file|source-stack|thrown)\.js$/,
  ];
  for (const file of loaded)
    assert.ok(
      expected.some((each) => each.test(file)),
      file,
    );
});

it('a configuration gives workers to the stages of a task', async () => {
  const task = join(folder, 'chain.mjs');
  writeFileSync(
    task,
    "export const stages = [{ name: 'load', run: (d) => d.size }, { name: 'write', run: (n) => 2 * n }];",
  );
  const options = { task, strategy: 'pipeline', workers: 3 };
  const runner = await createRunner({ ...options, configuration: { load: 1, write: 2 } });
  try {
    const outcome = await runner.run(document('a', 21));
    assert.deepEqual([outcome.status, outcome.status === 'ok' && outcome.value], ['ok', 42]);
  } finally {
    await runner.close();
  }
  await assert.rejects(createRunner({ ...options, configuration: { load: 1, wrote: 2 } }), {
    name: 'RangeError',
    message: /"wrote".*load, write/,
  });
});
