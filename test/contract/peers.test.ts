import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { outcomeDigest, stableDigest } from '../../bench/trials/digest.js';
import { strategies } from '../../strategies/index.js';
import { peers as entries } from '../../strategies/peers/index.js';
import { library } from '../../strategies/peers/library.js';
import {
  type Isolation,
  isolates,
  type OpenOptions,
  type Outcome,
  type Strategy,
} from '../../strategies/strategy.js';
import { workloads } from '../../workloads/index.js';
import { loadWorkload } from '../../workloads/load-workload.js';
import { syntheticCorpus } from '../../workloads/synthetic.js';
import type { WorkloadRef } from '../../workloads/workload.js';
import { alive, descendants, until } from '../processes.js';
import { noRedis } from '../redis.js';
import { documentsOf, fixture, onlyLong, openable, outcomesOf, withSession } from '../support.js';
import { failing, harmless } from './promises/odd-documents.js';

const [sequential] = (await openable(strategies.slice(0, 1))) as [Strategy];
const all = await openable(entries);
const brokerless = noRedis();
/** Peers that need a server which is not installed are skipped, by name. */
const peers = all.filter(({ isolation }) => brokerless === false || isolation !== 'machine');

/** `npm test` has all tests of these, and of every other peer the outcomes and that nothing is left. */
const few = ['tinypool', 'jest-worker', 'independent-processes'];
const isLinux = process.platform === 'linux';
const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** None of our code is between the task and the library here, so errors are as the library brings them. */
const byHand = ['piscina', 'workerpool', 'independent-processes'];
/** Two workers and, where they are machines, a broker. */
const workerProcesses: Record<Isolation, number> = { none: 0, thread: 0, process: 2, machine: 3 };
/** The other documents fail with errors that our code makes. */
const broughtByHand = ['throw', 'reject'];
/** Nothing tells about the engines of these. */
const engineless = ['piscina', 'workerpool', 'thread-per-document'];
/** Many documents are with one worker here, and all of them are lost when it ends. */
const losesNeighbours = ['post-message', 'independent-processes'];
/** The name of an error does not survive workerpool. */
const nameless = ['workerpool'];
/** Says why a peer cannot be tested with workers that die. */
const deathless: Record<string, string> = {
  bullmq: 'the job of a dead worker is found after up to 60 s',
  poolifier:
    'an answer that comes after the end of its thread is an uncaught exception of the library, 5.3.2',
};

await stat(folder); // libuv starts its threads when the first of them is needed

/** Counts the threads of this process: V8's, libuv's and workers. Without Linux it is 0. */
const threads = () => (existsSync('/proc/self/task') ? readdirSync('/proc/self/task').length : 0);
const threadsBefore = threads();

it('each peer is listed under its own name, and no strategy has it', () => {
  assert.deepEqual(
    all.map(({ name }) => name),
    entries.map(({ name }) => name),
  );
  const names = [...strategies, ...entries].map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

it('a library that is not there is named, with what to do', async () => {
  const missing = 'no-such-library';
  await assert.rejects(
    library('mine', missing, () => import(missing)),
    /^Error: peer "mine" needs the package no-such-library, which is not installed: npm i no-such-library$/,
  );
  const broken = new URL('./fixtures/no-such-file.js', import.meta.url).href;
  await assert.rejects(
    library('mine', 'p-map', () => import(broken)),
    /no-such-file/,
    'a module that an installed library fails to find keeps its own error',
  );
});

// Node 20 and 22 abort the whole process when a thread is ended while it requires an ES module, and a pool
// whose workload does not load ends threads at just that moment. Only Node 20 tells of modules that cannot
// be required in the end.
it('no pool, of ours or a peer, requires an ES module', async () => {
  const args = [
    '--trace-require-module=all',
    fileURLToPath(new URL('../fixtures/programs/open-all.js', import.meta.url)),
  ];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args);
  assert.deepEqual(
    stdout.trim().split('\n'),
    [...(await openable(strategies)), ...all]
      .filter(({ isolation }) => brokerless === false || isolation !== 'machine')
      .map(({ name }) => name),
  );
  assert.doesNotMatch(stderr, /ES Module/);
});

for (const { name } of all.filter((peer) => !peers.includes(peer))) it(name, { skip: brokerless }, () => {});

for (const peer of peers) {
  describe(peer.name, () => {
    const rest = few.includes(peer.name) ? { skip: false } : onlyLong;
    for (const [variant, options] of variants(peer).entries()) {
      it(
        `gives what sequential gives: ${Object.values(options).join(', ')}`,
        variant === 0 ? {} : rest,
        async () => {
          const ref = workloadNamed('word-frequency');
          const { digest } = await loadWorkload(ref);
          const digests = (strategy: Strategy, options: Partial<OpenOptions>) =>
            withSession(strategy, ref, options, async (session) => {
              const passes: string[][] = [];
              for (const count of [0, 1, peer.inFlight === undefined ? 11 : 41]) {
                const outcomes = await outcomesOf(session, corpus(count), count);
                passes.push(outcomes.map((outcome) => outcomeDigest(outcome, { digest } as never)));
              }
              return passes;
            });
          assert.deepEqual(await digests(peer, options), await digests(sequential, {}));
        },
      );

      if (variant >= peer.deliveries.length) continue; // the number in flight changes no result
      it(`brings odd results as sequential does: ${Object.values(options).join(', ')}`, rest, async () => {
        const ids = [...harmless, 'key'];
        const odd = (strategy: Strategy, options: Partial<OpenOptions>) =>
          withSession(strategy, fixture('odd-task'), { ...options, runId: 'one run' }, (session) =>
            outcomesOf(session, documentsOf(ids), ids.length),
          );
        const [ours, theirs] = [await odd(peer, options), await odd(sequential, {})];
        for (const [i, outcome] of ours.entries()) {
          assert.equal(digestOf(outcome), digestOf(theirs[i] as Outcome), ids[i]);
          assert.equal(outcome.id, ids[i]);
          if (byHand.includes(peer.name))
            assert.deepEqual([outcome.worker, outcome.taskMs, outcome.queuedMs], [null, null, null]);
          else
            assert.ok(
              outcome.worker !== null && (outcome.taskMs ?? -1) >= 0 && (outcome.queuedMs ?? -1) >= 0,
            );
        }
      });
    }

    it('turns errors of the task into failed outcomes and goes on', rest, async () => {
      const all = Object.keys(failing);
      const odd = byHand.includes(peer.name) ? all.filter((id) => broughtByHand.includes(id)) : all;
      const ids = [...odd.slice(0, 1), 'size', ...odd.slice(1), 'size', 'size'];
      const outcomes = await withSession(peer, fixture('odd-task'), {}, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const outcome of outcomes) {
        if (outcome.id === 'size') assert.equal(outcome.status, 'ok');
        else if (outcome.status !== 'failed') assert.fail(`${outcome.id} is ${outcome.status}`);
        else {
          const { source } = failing[outcome.id] as RegExp;
          const expected = nameless.includes(peer.name) ? source.replace(/^\^\w+/, '^Error') : source;
          assert.match(`${outcome.error.name}: ${outcome.error.message}`, new RegExp(expected));
        }
      }
    });

    it('gives every document one outcome when workers exit', {
      skip: deathless[peer.name] ?? rest.skip,
    }, async () => {
      const ids = Array.from({ length: 40 }, (_, i) => (i % 20 === 10 ? `exit${i}` : `size${i}`));
      const outcomes = await withSession(peer, fixture('odd-task'), {}, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
      for (const { id, status } of outcomes) {
        if (losesNeighbours.includes(peer.name))
          assert.ok(status === 'crashed' || (status === 'ok' && id.startsWith('size')), id);
        else assert.equal(status, id.startsWith('exit') ? 'crashed' : 'ok', id);
      }
    });

    it('tells why the workload cannot be opened', rest, async () => {
      const open = (ref: WorkloadRef) => peer.open(ref, { workers: 2, delivery: peer.deliveries[0] });
      await assert.rejects(open(fixture('odd-task', { failSetup: true })), /no database/);
      await assert.rejects(open(fixture('no-such-task')), /no-such-task/);
    });

    it('reports its processes', rest, async () => {
      const { processes, engines } = await withSession(peer, fixture('odd-task'), {}, (session) =>
        session.members(),
      );
      assert.equal(processes.length, workerProcesses[peer.isolation]);
      assert.equal(new Set(processes.map(({ pid }) => pid)).size, processes.length);
      assert.ok(processes.every(({ pid }) => pid !== process.pid));
      assert.equal(engines.length, engineless.includes(peer.name) ? 0 : 2);
    });

    if (peer.deliveries.includes('reference'))
      it('reads documents by path as sequential does', rest, async () => {
        const path = join(folder, `${peer.name}.txt`);
        writeFileSync(path, 'seven.');
        const documents = [
          { index: 0, id: 'size', path },
          { index: 1, id: 'hash', path: Buffer.from(path) },
          { index: 2, id: 'size1', path: join(folder, 'none.txt') },
          ...documentsOf(['size', 'size', 'size', 'hash3']).slice(3),
        ];
        const read = (strategy: Strategy) =>
          withSession(strategy, fixture('odd-task'), { delivery: 'reference' }, async (session) => {
            const outcomes = await outcomesOf(session, documents, documents.length);
            return outcomes.map((outcome) => ({ ...outcome, worker: 0, queuedMs: 0, taskMs: 0 }));
          });
        assert.deepEqual(await read(peer), await read(sequential));
      });

    if (peer.limit === true)
      it('runs documents again that come twice in one run', rest, async () => {
        const twice = [...documentsOf(['size', 'hash']), ...documentsOf(['size', 'hash'])];
        const statuses: string[] = [];
        await withSession(peer, fixture('odd-task'), {}, (session) =>
          session.run(twice, ({ index, id, status }) => void statuses.push(`${index} ${id} ${status}`)),
        );
        assert.deepEqual(statuses.toSorted(), ['0 size ok', '0 size ok', '1 hash ok', '1 hash ok']);
      });

    if (peer.limit === true)
      it('has a clock that leaves handing over out', rest, async () => {
        await withSession(peer, fixture('odd-task'), {}, async (session) => {
          for (const count of [40, 40, 0]) {
            const startedMs = performance.now();
            await outcomesOf(
              session,
              documentsOf(Array.from({ length: count }, (_, i) => `hash${i}`)),
              count,
            );
            const runMs = session.runMs ?? Number.NaN;
            assert.ok(runMs >= 0 && runMs < performance.now() - startedMs, `${runMs}`);
            assert.equal(runMs > 0, true, 'the loops have run');
          }
        });
      });

    if (isolates(peer.isolation, 'process'))
      for (const signal of ['SIGKILL', 'SIGINT'] as const)
        it(`leaves nothing when its process ends with ${signal} while a task computes`, {
          skip: !isLinux || rest.skip,
        }, async () => {
          const marker = join(folder, `${peer.name}-${signal}`);
          const parent = busyParent(peer.name, marker);
          try {
            await until(() => existsSync(marker) && readFileSync(marker, 'latin1') !== '');
            const pids = descendants(parent.pid as number);
            assert.ok(pids.length >= 3, 'two workers and a reaper');
            // It leads a group of its own: SIGINT reaches it as from a terminal.
            process.kill((signal === 'SIGINT' ? -1 : 1) * (parent.pid as number), signal);
            await until(() => !pids.some(alive));
          } finally {
            parent.kill('SIGKILL');
          }
        });

    // This comes last, so that it also covers errors, deaths and workloads that do not load.
    it('leaves nothing running', async () => {
      await until(() => descendants(process.pid).length === 0);
      await until(() => threads() <= threadsBefore);
    });
  });
}

/** Starts a process that opens a peer, whose task writes its process id into a file and computes for ever. */
function busyParent(name: string, marker: string): ChildProcess {
  const url = entries.find((entry) => entry.name === name)?.url;
  const task = fixture('queue-task', { marker });
  const path = `${marker}.mjs`;
  writeFileSync(
    path,
    `const { default: peer } = await import(${JSON.stringify(url)});
    const session = await peer.open(${JSON.stringify(task)}, { workers: 2, delivery: peer.deliveries[0] });
    await session.run([{ index: 0, id: 'loop', size: 1, bytes: new Uint8Array(1) }], () => {});`,
  );
  return spawn(process.execPath, [path], { detached: true, stdio: ['ignore', 'ignore', 'inherit'] });
}

/** Returns options that use every delivery and every number in flight once. */
function variants({ deliveries, inFlight }: Strategy): Partial<OpenOptions>[] {
  return Array.from({ length: Math.max(deliveries.length, inFlight?.length ?? 1) }, (_, i) => ({
    delivery: deliveries[i % deliveries.length] as OpenOptions['delivery'],
    ...(inFlight && { inFlight: inFlight[i % inFlight.length] as number }),
  }));
}

function workloadNamed(name: string): WorkloadRef {
  return { name, url: workloads.find((entry) => entry.name === name)?.url as string, options: {} };
}

/** Makes new documents each time, because the caller loses documents that it transfers. */
function corpus(count: number) {
  return syntheticCorpus({ name: 'tiny', size: 500, count, complexity: 'medium', seed: 3 }).documents;
}

function digestOf(outcome: Outcome): string {
  return outcome.status === 'ok' ? stableDigest(outcome.value) : outcome.status;
}
