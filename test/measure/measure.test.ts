import assert from 'node:assert/strict';
import { type ChildProcess, execFile, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TreeCounters } from '../../bench/measure/counters.js';
import { type Noise, voidReason, watchNoise } from '../../bench/measure/noise.js';
import { type Files, files, processStat, processTree, treeMemory } from '../../bench/measure/proc.js';
import { Sampler } from '../../bench/measure/sampler.js';
import { alone, type Member, type Session } from '../../strategies/strategy.js';
import { processReport } from '../../strategies/worker/usage-report.js';

const linux = existsSync('/proc/self/smaps_rollup');
const only = linux ? {} : { skip: 'needs /proc' };
const burner = fileURLToPath(new URL('../fixtures/programs/burner.js', import.meta.url));

describe('CPU time', () => {
  it(
    'of a main thread, a worker, a live and an ended child agrees with the kernel within 1 %',
    only,
    async () => {
      // The shell's `times` gives what the kernel counted for everything that ran below it, from birth to
      // death. The window is 3.6 s of burning; what was used before and after it is reported by the
      // processes themselves.
      const { stdout } = await promisify(execFile)('/bin/sh', [
        '-c',
        '"$0" "$1" count; times',
        process.execPath,
        burner,
      ]);
      const { cpuUserMs, cpuSystemMs, cpuSource, beforeMs, afterMs } = JSON.parse(
        stdout.slice(0, stdout.indexOf('}') + 1),
      );
      const [user = '', system = ''] = stdout.trim().split('\n').at(-1)?.split(' ') ?? [];
      const kernelMs = 1000 * (seconds(user) + seconds(system));
      const countedMs = beforeMs + cpuUserMs + cpuSystemMs + afterMs;
      assert.equal(cpuSource, 'self-report+cutime');
      assert.ok(kernelMs > 1000);
      assert.ok(Math.abs(countedMs / kernelMs - 1) < 0.01, `counted ${countedMs} of ${kernelMs} ms`);
    },
  );

  it('is the sum of exact deltas, and of what ended children used inside the window', async () => {
    const member = (pid: number, userMs: number, systemMs: number): Member => ({
      pid,
      cpuUserUs: userMs * 1000,
      cpuSystemUs: systemMs * 1000,
      switchesVoluntary: userMs,
      switchesInvoluntary: 0,
    });
    // Child 1 goes from 100 and 10 ms to 150 and 30 ms. Child 2 had 70 and 20 ms and ended at 200 and 120
    // ms. Child 3 started and ended inside the window and used 40 ms of user time.
    const edges = [[member(1, 100, 10), member(2, 70, 20)], [member(1, 150, 30)]];
    const ended = ['0 0', '24 12']; // a clock tick lasts 10 ms
    let edge = -1;
    const session = { members: async () => ({ ...alone, processes: edges[++edge] }) } as unknown as Session;
    const from: Files = {
      list: () => [],
      read: (path) => (path === '/proc/self/stat' ? `1 (no) de) S ${'0 '.repeat(12)}${ended[edge]} 0` : null),
    };
    const counters = new TreeCounters(session, from);
    const before = processReport();
    await counters.open();
    await counters.close();
    const after = processReport();
    const { cpuUserMs, cpuSystemMs, cpuSource } = counters.total;
    assert.equal(cpuSource, 'self-report+cutime');
    const user = (cpuUserMs ?? 0) - (50 + (240 - 70));
    assert.ok(user >= 0 && user <= (after.cpuUserUs - before.cpuUserUs) / 1e3, `${user} ms of user time`);
    const system = (cpuSystemMs ?? 0) - (20 + (120 - 20));
    assert.ok(
      system >= 0 && system <= (after.cpuSystemUs - before.cpuSystemUs) / 1e3,
      `${system} ms of system time`,
    );
  });

  it('is unknown where a session could not ask all of its workers', async () => {
    const session = { members: async () => ({ ...alone, partial: true }) } as unknown as Session;
    const counters = new TreeCounters(session);
    await counters.open();
    await counters.close();
    const { loopMain, ...tree } = counters.total;
    assert.ok(loopMain >= 0);
    assert.deepEqual(tree, {
      cpuSource: 'partial',
      cpuUserMs: null,
      cpuSystemMs: null,
      switchesVoluntary: null,
      switchesInvoluntary: null,
      loopWorkers: null,
      gcMs: null,
    });
  });

  it('says that it is incomplete where a child ended and nothing counts it', async () => {
    const edges = [[{ ...processReport(), pid: 1 }], []];
    const session = { members: async () => ({ ...alone, processes: edges.shift() }) } as unknown as Session;
    const counters = new TreeCounters(session, { list: () => [], read: () => null });
    await counters.open();
    await counters.close();
    assert.equal(counters.total.cpuSource, 'incomplete');
  });
});

describe('memory', () => {
  it('of a process with four idle children counts what they share once', only, async () => {
    const parent = fork(fileURLToPath(new URL('../fixtures/programs/family.js', import.meta.url)), ['4']);
    try {
      await new Promise((resolve) => parent.once('message', resolve));
      const pids = processTree(files, parent.pid as number);
      assert.equal(pids.length, 5);
      const memory = treeMemory(files, pids) as number;
      const rss = pids.reduce((sum, pid) => sum + residentBytes(pid), 0);
      // The complete list of mappings gives the private pages of all processes. Pages of files count once.
      const truth =
        pids.reduce((sum, pid) => sum + privateAnonymous(pid), 0) + Math.max(...pids.map(filePages));
      assert.ok(Math.abs(memory / truth - 1) < 0.1, `${memory} against ${truth}`);
      assert.ok(rss / memory > 1.8, `the sum of resident sizes, ${rss}, counts shared pages again and again`);
    } finally {
      end(parent);
    }
  });

  it('peak of a single process is exact, also between samples', only, async () => {
    const child = fork(fileURLToPath(new URL('../fixtures/programs/family.js', import.meta.url)), ['0']);
    const said = () => new Promise((resolve) => child.once('message', resolve));
    try {
      await said();
      const sampler = new Sampler([child.pid as number]);
      child.send('grow'); // by 100 MB, for no longer than it takes to fill them
      await said();
      const { kind, rssBytes, memoryBytes } = await sampler.stop();
      assert.equal(kind, 'high-water');
      assert.ok((rssBytes ?? 0) > 100e6);
      assert.equal(memoryBytes, rssBytes);
    } finally {
      end(child);
    }
  });

  it('peak of a tree is sampled at least once, and sampling keeps to its share', only, async () => {
    const parent = fork(fileURLToPath(new URL('../fixtures/programs/family.js', import.meta.url)), ['8']);
    try {
      await new Promise((resolve) => parent.once('message', resolve));
      const tree = new Sampler(processTree(files, parent.pid as number));
      const short = new Sampler([parent.pid as number]);
      assert.ok((await short.stop()).samples >= 1, 'a window of no length has its one sample');
      await new Promise((resolve) => setTimeout(resolve, 2000));
      const seen = await tree.stop();
      assert.equal(seen.kind, 'sampled');
      assert.ok(
        seen.samples >= 1 && seen.cpuPercent <= 1,
        `${seen.samples} samples at ${seen.cpuPercent} % of a core`,
      );
      assert.ok((seen.threads ?? 0) >= 9 && (seen.rssBytes ?? 0) > (seen.memoryBytes ?? 0));
    } finally {
      end(parent);
    }
  });

  it('without /proc has resident sizes from pidusage, of the processes that the root named', async () => {
    const child = fork(fileURLToPath(new URL('../fixtures/programs/family.js', import.meta.url)), ['0']);
    try {
      await new Promise((resolve) => child.once('message', resolve));
      const { rssBytes, memoryBytes, threads, kind, samples } = await new Sampler(
        [process.pid, child.pid as number],
        {
          read: () => null,
          list: () => [],
        },
      ).stop();
      assert.deepEqual(
        { memoryBytes, threads, kind, samples },
        { memoryBytes: null, threads: null, kind: 'sampled', samples: 1 },
      );
      assert.ok((rssBytes ?? 0) > process.memoryUsage.rss() * 0.5 + 20e6, 'both processes are in the sum');
    } finally {
      end(child);
    }
  });

  it('is unknown where the kernel does not say', () => {
    assert.equal(treeMemory({ list: () => [], read: () => null }, [1]), null);
    const old: Files = {
      list: () => [],
      read: (path) => (path.endsWith('status') ? 'RssFile:  10 kB\n' : 'Pss:  5 kB\n'),
    };
    assert.equal(treeMemory(old, [1]), null);
  });
});

describe('/proc', () => {
  it('finds children below every thread, whatever is in a process name', () => {
    const from: Files = {
      list: (path) => (path === '/proc/1/task' ? ['1', '7'] : path === '/proc/3/task' ? ['3'] : []),
      read: (path) =>
        ({
          '/proc/1/task/1/children': '2 ',
          '/proc/1/task/7/children': '3 ',
          '/proc/3/task/3/children': '4 ',
          '/proc/5/stat': '5 (a) b (c)) S 1 1 1 0 -1 0 0 0 0 0 11 12 13 14 0',
        })[path] ?? null,
    };
    assert.deepEqual(processTree(from, 1), [1, 2, 3, 4]);
    assert.deepEqual(processStat(from, 5), {
      userTicks: 11,
      systemTicks: 12,
      endedUserTicks: 13,
      endedSystemTicks: 14,
    });
    assert.equal(processStat(from, 6), null);
  });
});

describe('noise', () => {
  const at = (time: number): Files => ({
    list: (path) => (path === '/proc/10/task' ? ['10'] : []),
    read: (path) =>
      ({
        '/proc/stat': `cpu  ${100 * time} 0 0 ${80 * time} 0 0 0 ${20 * time} 0 0\ncpu0 1`,
        '/proc/10/stat': `10 (n) S ${'0 '.repeat(10)}${60 * time} 0 0 0`,
        '/proc/20/stat': `20 (n) S ${'0 '.repeat(10)}${10 * time} 0 0 0`,
        '/proc/10/task/10/schedstat': `5 ${2_000_000 * time} 1`,
        '/proc/pressure/cpu': `some avg10=0 avg60=0 avg300=0 total=${5000 * time}\n`,
        '/proc/vmstat': `pswpin 0\npswpout ${3 * time}\n`,
        '/proc/10/cgroup': '0::/box\n',
        '/sys/fs/cgroup/box/cpu.stat': `usage_usec 1\nthrottled_usec ${7000 * time}\n`,
      })[path] ?? null,
  });

  it('is what the machine did besides the tree and the suite', () => {
    let time = 1;
    const moving: Files = { list: (path) => at(time).list(path), read: (path) => at(time).read(path) };
    const since = watchNoise({ files: moving, root: 10, suite: [20] });
    time = 2;
    const { windowMs, ...noise } = since();
    assert.ok(windowMs >= 0);
    assert.deepEqual(noise, {
      stealPercent: 10,
      othersPercent: 15,
      pressureMs: 5,
      runDelayMs: 2,
      throttledMs: 7,
      swapPages: 3,
      treeCpuMs: 600,
    });
  });

  it('is unknown, not nothing, where the host does not say', () => {
    const { windowMs: _, ...noise } = watchNoise({
      files: { list: () => [], read: () => null },
      root: 1,
      suite: [2],
    })();
    assert.deepEqual(Object.values(noise), [null, null, null, null, null, null, null]);
  });

  it('voids a trial by a recorded external cause alone', () => {
    const quiet: Noise = {
      stealPercent: 0,
      othersPercent: 0,
      pressureMs: 900,
      runDelayMs: 900,
      throttledMs: 900,
      swapPages: 0,
      treeCpuMs: 1,
      windowMs: 2000,
    };
    assert.equal(voidReason(quiet), null);
    assert.match(voidReason({ ...quiet, stealPercent: 5.1 }) ?? '', /hypervisor took 5.1 %/);
    assert.equal(voidReason({ ...quiet, othersPercent: 5.4, windowMs: 2000 }), null, 'half a tick too few');
    assert.match(
      voidReason({ ...quiet, othersPercent: 5.6, windowMs: 2000 }) ?? '',
      /other processes took 5.6 %/,
    );
    assert.equal(
      voidReason({ ...quiet, othersPercent: 11, windowMs: 150 }),
      null,
      'a tick a core may be wrong',
    );
    assert.match(voidReason({ ...quiet, othersPercent: 15, windowMs: 150 }) ?? '', /other processes/);
    assert.match(voidReason({ ...quiet, swapPages: 1 }) ?? '', /swapped/);
    assert.equal(voidReason({ ...quiet, stealPercent: null, othersPercent: null, swapPages: null }), null);
  });
});

/** `0m1.234s` */
function seconds(text: string): number {
  const [, minutes, rest] = /(\d+)m([\d.]+)s/.exec(text) ?? [];
  return 60 * Number(minutes) + Number(rest);
}

function smaps(pid: number): { name: string; private: number; resident: number; anonymous: number }[] {
  return readFileSync(`/proc/${pid}/smaps`, 'latin1')
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .map((mapping) => {
      const field = (name: string) =>
        1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(mapping)?.[1] ?? 0);
      return {
        name: mapping.split('\n')[0] as string,
        private: field('Private_Clean') + field('Private_Dirty'),
        resident: field('Rss'),
        anonymous: field('Anonymous'),
      };
    });
}

function residentBytes(pid: number): number {
  return 1024 * Number(/^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
}

function privateAnonymous(pid: number): number {
  return smaps(pid).reduce((sum, { anonymous }) => sum + anonymous, 0);
}

function filePages(pid: number): number {
  return smaps(pid).reduce((sum, { resident, anonymous }) => sum + resident - anonymous, 0);
}

function end(child: ChildProcess): void {
  child.disconnect();
}
