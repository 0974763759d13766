import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { rmSync } from 'node:fs';
import { it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startProxy } from '../../bench/network/proxy.js';
import { noRedis } from '../redis.js';
import { type Counted, type CountedOptions, counted, openOn } from './machines/counted.js';
import { RunsFile, TestFleet, times } from './machines/fleet.js';
import { shareOfLimit, sharesOfProportion } from './machines/rates.js';

/**
 * `npm run test:machines` breaks brokers and agents in every way, and counts what becomes of the documents.
 * `FORKWISE_SHARE=0.1` checks with a tenth of the documents and of the deaths.
 */

const share = Number(process.env.FORKWISE_SHARE ?? 1);
const documents = Math.round(20_000 * share);
/** At most this many documents of 5 ms are run again per agent: a batch has about six, and an agent three. */
const maxInFlight = 32;
const maxRecoveryMs = 10_000;
const options = { skip: noRedis(), timeout: 900_000 };

it('agents are killed', options, async (t) => {
  const kills = Math.round(20 * share);
  const recoveries: Promise<number>[] = [];
  const { runs } = await checked(t, new TestFleet(), {
    documents,
    waitMs: 5,
    meanwhile: (fleet) => async (counts) => {
      for (let kill = 1; kill <= kills; kill++) {
        await counts.reached((kill * documents) / (kills + 1));
        recoveries.push(counts.untilInFlightDone());
        fleet.replace(fleet.agents[0] as (typeof fleet.agents)[0]);
      }
      const times = await Promise.all(recoveries);
      t.diagnostic(`${kills} kills, recovered after ${seconds(Math.max(...times))} at the latest`);
      assert.ok(Math.max(...times) <= maxRecoveryMs, `${times}`);
    },
  });
  assert.ok(runs <= documents + kills * maxInFlight, `${runs} runs`);
});

it('an agent is stopped for three locks, and goes on', options, async (t) => {
  const { duplicates } = await checked(t, new TestFleet(), {
    documents,
    waitMs: 5,
    meanwhile: (fleet) => async (counts) => {
      await counts.reached(documents / 10);
      const [agent] = fleet.agents;
      process.kill(-(agent?.pid as number), 'SIGSTOP');
      await sleep(3 * times.lockMs);
      process.kill(-(agent?.pid as number), 'SIGCONT');
    },
  });
  t.diagnostic(`${duplicates} late results were dropped`);
});

it('all connections are killed', options, async (t) => {
  await checked(t, new TestFleet(), {
    documents,
    waitMs: 2,
    meanwhile: (fleet) => async (counts) => {
      for (let kill = 1; kill <= 10; kill++) {
        await counts.reached((kill * documents) / 11);
        await fleet.ask(async (client) => {
          for (const type of ['normal', 'pubsub'])
            await client.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
        });
      }
    },
  });
});

it('the broker is stopped for 10 s', options, async (t) => {
  await checked(t, new TestFleet(), {
    documents,
    meanwhile: (fleet) => async (counts) => {
      await counts.reached(documents / 3);
      process.kill(fleet.redis.pid, 'SIGSTOP');
      await sleep(10_000);
      process.kill(fleet.redis.pid, 'SIGCONT');
    },
  });
});

it('the broker is killed, and comes back with its data', options, async (t) => {
  await checked(t, new TestFleet({ append: true }), {
    documents,
    waitMs: 2,
    meanwhile: (fleet) => async (counts) => {
      for (let kill = 1; kill <= 3; kill++) {
        await counts.reached((kill * documents) / 4);
        await fleet.redis.close();
        await sleep(1000);
        await fleet.startRedis();
      }
    },
  });
});

it('the broker is killed, and comes back without its data', options, async (t) => {
  const fleet = new TestFleet();
  try {
    await fleet.startRedis();
    for (let i = 0; i < 2; i++) fleet.startAgent();
    const session = await openOn(fleet, { waitMs: 5 });
    const meanwhile = async () => {
      await sleep(1000);
      await fleet.redis.close();
      await fleet.startRedis();
    };
    const failure = await counted(fleet, session, { documents, meanwhile }).then(
      () => assert.fail('expected the run to reject'),
      (cause: Error) => cause,
    );
    t.diagnostic(`the run rejects: ${failure.message}`);
    assert.equal(failure.name, 'RunLost');
    await session.close();
    assert.deepEqual(await fleet.keysAfterEnd(), []);
  } finally {
    await fleet.end();
  }
});

it('the caller is killed, and another one goes on', options, async (t) => {
  const fleet = new TestFleet();
  try {
    await fleet.startRedis();
    for (let i = 0; i < 2; i++) fleet.startAgent();
    const few = Math.round(documents / 4);
    const host = new URL('./machines/caller-host.js', import.meta.url);
    const done = new Set<number>();
    for (const until of [few / 4, few / 2, few]) {
      const caller = fork(host, { serialization: 'advanced' });
      caller.send({ url: fleet.redis.url, file: new RunsFile(fleet.folder).path, documents: few, done });
      await new Promise<void>((resolve) => {
        caller.on('message', (index: number) => {
          assert.ok(!done.has(index), `document ${index} has two outcomes`);
          done.add(index);
          if (done.size >= until && until < few) caller.kill('SIGKILL');
        });
        caller.once('exit', () => resolve());
      });
    }
    const { runs } = new RunsFile(fleet.folder);
    t.diagnostic(`${done.size} outcomes of ${few} documents, ${runs} runs, two kills of the caller`);
    assert.equal(done.size, few);
    assert.ok(runs <= few + 2 * 2 * maxInFlight, `${runs} runs`);
    assert.deepEqual(await fleet.keysAfterEnd(), []);
  } finally {
    await fleet.end();
  }
});

it('an agent in another network is cut off and joined again', networks(), async (t) => {
  const fleet = new TestFleet();
  const ip = (...args: string[]) => execFileSync('ip', args, { stdio: 'pipe' });
  const name = `fw${process.pid % 100_000}`;
  await fleet.startRedis();
  try {
    ip('netns', 'add', name);
    ip('link', 'add', `${name}a`, 'type', 'veth', 'peer', 'name', `${name}b`, 'netns', name);
    ip('addr', 'add', '10.213.77.1/30', 'dev', `${name}a`);
    ip('link', 'set', `${name}a`, 'up');
    ip('-n', name, 'addr', 'add', '10.213.77.2/30', 'dev', `${name}b`);
    ip('-n', name, 'link', 'set', `${name}b`, 'up');
    const proxy = await startProxy({
      listen: { host: '10.213.77.1', port: 0 },
      target: { path: fleet.redis.url },
      rttMs: 0,
    });
    try {
      fleet.startAgent(proxy.url, ['ip', 'netns', 'exec', name]);
      const meanwhile: Meanwhile = () => async (counts) => {
        await counts.reached(documents / 10);
        ip('link', 'set', `${name}a`, 'down');
        await sleep(3 * times.lockMs);
        ip('link', 'set', `${name}a`, 'up');
      };
      await checked(t, fleet, { documents, waitMs: 5, meanwhile, agents: 1 });
    } finally {
      await proxy.close();
    }
  } finally {
    await fleet.end();
    ip('netns', 'del', name);
  }
});

it('memory is flat, and no key is left', options, async (t) => {
  const many = 100_000; // some seconds, whatever the share
  const samples: number[] = [];
  await checked(t, new TestFleet(), {
    documents: many,
    size: 10_000,
    meanwhile: (fleet) => async (counts) => {
      for (let part = 1; part < 40; part++) {
        await counts.reached((part * many) / 40);
        if (part >= 4) samples.push(await fleet.usedMemory());
      }
    },
  });
  const [low, high] = [Math.min(...samples) / 1e6, Math.max(...samples) / 1e6];
  t.diagnostic(`Redis used ${low.toFixed(1)} to ${high.toFixed(1)} MB from a tenth of the documents on`);
  assert.ok(high - low <= 10, 'expected 5 MB more or less');
});

it('a broker with 32 MB holds the caller back', options, async (t) => {
  await checked(t, new TestFleet({ maxMemoryMb: 32 }), {
    documents: Math.round(2000 * share),
    size: 500_000,
    meanwhile: (fleet) => async (counts) => {
      await counts.reached(10);
      t.diagnostic(`Redis used ${((await fleet.usedMemory()) / 1e6).toFixed(1)} MB`);
    },
  });
});

it('one document reaches an idle fleet at once', options, async (t) => {
  const fleet = new TestFleet();
  try {
    await fleet.startRedis();
    for (let i = 0; i < 2; i++) fleet.startAgent();
    const session = await openOn(fleet);
    const tookMs: number[] = [];
    for (let i = 0; i < 520; i++) {
      const startedMs = performance.now();
      await session.run([{ index: 0, id: 'one', size: 1, bytes: new Uint8Array(1) }], () => {});
      if (i >= 20) tookMs.push(performance.now() - startedMs);
      await sleep(5);
    }
    tookMs.sort((a, b) => a - b);
    const [p50, p95] = [tookMs[250] as number, tookMs[475] as number];
    t.diagnostic(`500 documents: p50 ${p50.toFixed(2)} ms, p95 ${p95.toFixed(2)} ms`);
    await session.close();
    assert.ok(p50 <= 4 && p95 <= 10, 'expected p50 of 4 ms and p95 of 10 ms at most');
  } finally {
    await fleet.end();
  }
});

it('two agents with one worker each are as fast as two independent processes', options, async (t) => {
  const limitShare = await shareOfLimit({ documents: 200, rounds: 5 });
  t.diagnostic(`${percent(limitShare)} of the machine limit with documents of 10 ms`);
  assert.ok(limitShare >= 0.9, 'expected 90 % of the machine limit');
});

it('the rate of a task that waits is in proportion to the number of agents', options, async (t) => {
  const shares = await sharesOfProportion({ documents: 100, rounds: 3 });
  t.diagnostic(`1, 2 and 4 agents: ${shares.map(percent).join(', ')} of their share`);
  assert.ok(Math.min(...shares) >= 0.9, 'expected a rate in proportion, within 10 %');
});

type Meanwhile = (fleet: TestFleet) => NonNullable<CountedOptions['meanwhile']>;

/** Runs documents while something goes wrong, and checks that the broker is empty in the end. */
async function checked(
  t: TestContext,
  fleet: TestFleet,
  {
    meanwhile,
    agents = 2,
    ...options
  }: Omit<CountedOptions, 'meanwhile'> & { meanwhile: Meanwhile; agents?: number },
): Promise<Counted> {
  try {
    rmSync(new RunsFile(fleet.folder).path, { force: true });
    if (fleet.agents.length === 0) await fleet.startRedis();
    for (let i = 0; i < agents; i++) fleet.startAgent();
    const session = await openOn(fleet, options);
    const found = await counted(fleet, session, { ...options, meanwhile: meanwhile(fleet) });
    t.diagnostic(
      `${found.outcomes} outcomes, ${found.runs} runs, ${found.redelivered} redelivered, ` +
        `${found.duplicates} duplicates, ${seconds(found.seconds * 1e3)}`,
    );
    await session.close();
    assert.deepEqual(await fleet.keysAfterEnd(), []);
    return found;
  } finally {
    await fleet.end();
  }
}

/** Network namespaces need rights that containers often lack. */
function networks() {
  try {
    execFileSync('ip', ['netns', 'add', 'forkwise-probe'], { stdio: 'pipe' });
    execFileSync('ip', ['netns', 'del', 'forkwise-probe'], { stdio: 'pipe' });
    return options;
  } catch {
    return { ...options, skip: noRedis() || 'this process may not make network namespaces' };
  }
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function seconds(ms: number): string {
  return `${(ms / 1e3).toFixed(1)} s`;
}
