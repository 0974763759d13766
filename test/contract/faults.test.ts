import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { faults } from '../../bench/faults/faults.js';
import { measureFault } from '../../bench/faults/measure.js';
import { faultSentence, matrixTable } from '../../bench/report/faults.js';
import { type FaultRow, faultTable } from '../../bench/tables/fault-columns.js';
import { HelperProcesses } from '../../bench/trials/helper-processes.js';
import type { LoadedStrategy } from '../../bench/trials/plan.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies as entries } from '../../strategies/index.js';
import { inheritedFlags } from '../../strategies/processes/exec-argv.js';
import type { Outcome } from '../../strategies/strategy.js';
import type { Document } from '../../workloads/workload.js';
import { alive, descendants, isWorker, until } from '../processes.js';
import { made, type Some } from '../rows.js';
import { cli, documentsOf, fixture, longWithParts, onlyLong, openable } from '../support.js';

const loaded = await openable(entries);
const measurable = await loadStrategies(entries.map(({ url }) => url));
const onLinux = { skip: process.platform !== 'linux' };
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

describe('a worker process that is stopped before it is ready', onLinux, () => {
  const marks = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(marks, { recursive: true, force: true }));
  for (const strategy of loaded.filter((strategy) => strategy.isolation === 'process')) {
    it(`${strategy.name} ends it and starts another`, {
      ...longWithParts(strategy),
      timeout: 60_000,
    }, async () => {
      const task = fixture('stopped-start-task', { marks: join(marks, strategy.name) });
      const session = await strategy.open(task, {
        workers: 1,
        delivery: strategy.deliveries[0],
        timeoutMs: 1000,
      });
      const statuses = new Map<string, Outcome['status']>();
      await session.run(
        documentsOf(['exit', 'a', 'b', 'c']),
        ({ id, status }) => void statuses.set(id, status),
      );
      await session.close();
      assert.deepEqual(Object.fromEntries(statuses), { exit: 'crashed', a: 'ok', b: 'ok', c: 'ok' });
      await until(() => descendants(process.pid).every((pid) => !isWorker(pid)));
    });
  }
});

describe('the fault matrix', onLinux, () => {
  const helpers = new HelperProcesses();
  after(() => helpers.end());
  const measure = (strategy: string, fault: string) =>
    measureFault(helpers, measurable.find((one) => one.strategy.name === strategy) as LoadedStrategy, {
      fault: faults.find(({ name }) => name === fault) as (typeof faults)[0],
      workers: 2,
    });

  const short = [
    ['thread-pool', 'endless-loop', 'timed-out'],
    ['queue', 'killed-from-outside', null],
    ['queue', 'ctrl-c', null],
  ] as const;
  const long = [
    ['async', 'never-settles', 'timed-out'],
    ['self-scheduling', 'exit', 'crashed'],
    ['queue', 'abort', 'crashed'],
    // On a busy machine its buffers may not grow to the limit in its time.
    ['process-pool', 'heap-buffers', 'crashed or timed-out'],
    ['queue', 'disk-full', null],
    ['partitioned', 'open-handle', 'ok'],
    ['process-pool', 'open-handle', 'ok'],
    // The worker may end before it has reported the result, and the document then runs again.
    ['self-scheduling', 'unhandled-rejection', 'ok or crashed'],
    ['thread-pool', 'unhandled-rejection', 'ok or crashed'],
    ['queue', 'unhandled-rejection', 'ok or crashed'],
    ['sequential', 'ctrl-c', null],
    ['process-pool', 'ctrl-c', null],
  ] as const;
  for (const cell of [...short, ...long]) {
    const [strategy, fault, status] = cell;
    const when = (short as readonly unknown[]).includes(cell) ? {} : onlyLong;
    it(`${strategy} survives ${fault}: nothing lost, nothing twice, nothing left`, when, async () => {
      const row = await measure(strategy, fault);
      assert.equal(row.state, 'survived', JSON.stringify(row));
      const { lost, duplicates, others_failed, fault_status, leftovers } = row;
      assert.deepEqual(
        { lost, duplicates, others_failed, leftovers },
        { lost: 0, duplicates: 0, others_failed: 0, leftovers: 0 },
      );
      const expected: readonly (string | null)[] = status?.split(' or ') ?? [null];
      assert.ok(expected.includes(fault_status), `${fault_status}`);
      assert.ok((row.documents ?? 0) >= 400);
    });
  }

  it('a caller that is lost by design is a row, and what cannot be had is not applicable', async () => {
    const lost = await measure('sequential', 'exit');
    assert.deepEqual([lost.state, lost.by_design], ['caller lost', true]);
    assert.match(lost.reason ?? '', /exit code 3/);
    const rejected = await measure('async', 'unhandled-rejection');
    assert.deepEqual([rejected.state, rejected.by_design], ['caller lost', true]);
    assert.equal(rejected.reason, 'the process ended with exit code 1: Error: not awaited');
    assert.equal((await measure('self-scheduling', 'stopped-from-outside')).state, 'not applicable');
    const refused = await measure('partitioned', 'module-fails');
    assert.equal(refused.state, 'refused');
    assert.match(refused.reason ?? '', /no such model/);
  });

  it('a fault that never happened fails its cell', async () => {
    const [strategy] = await loadStrategies([
      new URL('../fixtures/strategies/claims-file-strategy.js', import.meta.url).href,
    ]);
    for (const name of ['disk-full', 'killed-from-outside']) {
      const fault = faults.find((each) => each.name === name);
      assert.ok(strategy !== undefined && fault !== undefined);
      const { state, reason, lost } = await measureFault(helpers, strategy, { fault, workers: 2 });
      assert.deepEqual(
        { state, reason, lost },
        { state: 'broken', reason: 'the fault never happened', lost: 0 },
      );
    }
  });

  it('refuses options that mean nothing to it', async () => {
    for (const args of [
      ['--rounds', '3'],
      ['--strategies', 'nobody'],
      ['--workers', '1,2'],
    ]) {
      const { code, stderr } = await cli(
        ['bench', '--faults', ...args, '--out', join(folder, 'never')],
        folder,
      );
      assert.equal(code, 2, stderr);
      assert.match(stderr, /--faults goes with|nobody|whole number/);
    }
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe('the matrix in words', () => {
  const row = (columns: Some<FaultRow>): FaultRow =>
    made(faultTable, {
      strategy: 'a',
      isolation: 'thread',
      fault: 'abort',
      workers: 2,
      by_design: false,
      ...columns,
    });
  const counted = { documents: 400, lost: 0, duplicates: 0, others_failed: 0, delayed_ms: 0, leftovers: 0 };
  const rows = [
    row({ ...counted, state: 'survived', fault_status: 'crashed' }),
    row({ strategy: 'b', state: 'caller lost', by_design: true, reason: 'the process ended' }),
    row({ ...counted, fault: 'killed-from-outside', state: 'survived', others_failed: 2 }),
    row({ strategy: 'b', fault: 'killed-from-outside', state: 'not applicable' }),
    row({ ...counted, strategy: 'b', fault: 'endless-loop', state: 'broken', lost: 3, duplicates: 1 }),
  ];

  it('has a row a fault and a column a strategy, and hides no loss', () => {
    assert.deepEqual(matrixTable(rows).groups, [
      [
        ['abort', 'crashed', 'caller lost'],
        ['killed-from-outside', 'unharmed, 2 more not ok', '–'],
        ['endless-loop', '', 'broken: 3 lost, 1 twice'],
      ],
    ]);
  });

  it('says which strategies survive, and counts', () => {
    assert.equal(
      faultSentence(rows),
      'Only `a` survives a crash of native code; none survives a task that never ends; ' +
        '3 documents were lost and 1 had two outcomes where the caller lived.',
    );
    assert.equal(faultSentence([]), null);
  });
});

/** The library and a task, as text for scripts that run in a process of their own. */
const library = JSON.stringify(new URL('../../index.js', import.meta.url).href);
const task = JSON.stringify(fixture('odd-task'));

describe('ending early', () => {
  for (const strategy of loaded) {
    const rest = longWithParts(strategy);
    const open = () => strategy.open(fixture('odd-task'), { workers: 2, delivery: strategy.deliveries[0] });

    it(`${strategy.name}: a signal stops the pulling and is the run's error`, async () => {
      const session = await open();
      const stop = new AbortController();
      const outcomes = new Set<number>();
      const pulled: number[] = [];
      function* source(): Generator<Document> {
        for (const document of documentsOf(Array.from({ length: 5000 }, (_, i) => `size${i}`))) {
          pulled.push(document.index);
          yield document;
        }
      }
      const run = session.run(
        source(),
        ({ index }) => {
          assert.ok(!outcomes.has(index));
          outcomes.add(index);
          if (outcomes.size === 20) stop.abort(new Error('enough of it'));
        },
        { signal: stop.signal },
      );
      await assert.rejects(run, /enough of it/);
      assert.ok(pulled.length < 5000);
      assert.deepEqual(
        [...outcomes].sort((a, b) => a - b),
        pulled,
      );
      await assert.rejects(
        session.run([], () => {}, { signal: AbortSignal.abort(new Error('too late')) }),
        /too late/,
      );
      await session.run(documentsOf(['size1']), ({ status }) => assert.equal(status, 'ok'));
      await session.close();
    });

    if (strategy.isolation === 'none') continue;

    it(`${strategy.name}: closes while a source that has given some gives nothing more`, rest, async () => {
      const session = await open();
      const given = documentsOf(['size0', 'size1', 'size2', 'size3', 'size4', 'size5']);
      const source = {
        next: () => {
          const value = given.shift();
          return value === undefined
            ? new Promise<IteratorResult<Document>>(() => {})
            : Promise.resolve({ done: false as const, value });
        },
      };
      let outcomes = 0;
      const run = session.run({ [Symbol.asyncIterator]: () => source }, () => {
        outcomes++;
      });
      await until(() => outcomes === 6);
      await session.close();
      await run;
    });

    it(`${strategy.name}: closed at once, it ends tasks that never would`, {
      skip: onLinux.skip || rest.skip,
      timeout: 30_000,
    }, async () => {
      const before = descendants(process.pid).length;
      const session = await open();
      const outcomes: Outcome[] = [];
      const ids = ['size0', ...Array.from({ length: 40 }, (_, i) => `loop${i}`)];
      let first = () => {};
      const begun = new Promise<void>((resolve) => {
        first = resolve;
      });
      let pulled = 0;
      function* source(): Generator<Document> {
        for (const document of documentsOf(ids)) {
          pulled++;
          yield document;
        }
      }
      const run = session.run(source(), (outcome) => {
        assert.equal(outcomes[outcome.index], undefined);
        outcomes[outcome.index] = outcome;
        if (outcome.index === 0) first();
      });
      // In the shared arena a worker reports its first outcome when it next rests, which is never here.
      await Promise.race([begun, new Promise((resolve) => setTimeout(resolve, 500))]);
      await session.close({ now: true });
      await run;
      assert.equal(Object.keys(outcomes).length, pulled);
      for (const { id, status } of Object.values(outcomes))
        if (id.startsWith('loop')) assert.equal(status, 'crashed', id);
      await until(() => descendants(process.pid).length <= before);
    });
  }
});

it('a child gets the flags of its parent, and no script of its command line', () => {
  assert.deepEqual(
    inheritedFlags(['--no-warnings', '-e', 'code', '--input-type=module', '--stack-size=900']),
    ['--no-warnings', '--stack-size=900'],
  );
});

it('busy child processes of process-pool end with their parent', {
  ...onLinux,
  timeout: 30_000,
}, async () => {
  const script = `
    const { openStrategy } = await import(${library});
    const session = await openStrategy('process-pool', ${task}, { workers: 2 });
    const document = (index) => ({ index, id: 'loop' + index, size: 1, bytes: new Uint8Array(1) });
    session.run([0, 1].map(document), () => {});
    setTimeout(() => console.log('busy'), 300);`;
  const path = join(folder, 'busy.mjs');
  writeFileSync(path, script);
  const parent = spawn(process.execPath, [path], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => parent.stdout?.once('data', resolve));
  const children = descendants(parent.pid as number).filter(isWorker);
  assert.equal(children.length, 2);
  parent.kill('SIGKILL');
  await until(() => !children.some(alive));
});
