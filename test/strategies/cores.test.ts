import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { effectiveCores, quotaPeriods } from '../../strategies/processes/cores.js';

/** Describes a machine with 8 CPUs, 6 of which this process may use, and with these files. */
const cores = (files: Record<string, string>) =>
  effectiveCores({ host: 8, available: 6, read: (path) => files[path] ?? null });

describe('effective cores', () => {
  it('are the CPUs that the scheduler gives when nothing limits them', () => {
    assert.deepEqual(cores({}), { host: 8, available: 6, quota: null, effective: 6 });
    assert.equal(
      cores({ '/proc/self/cgroup': '0::/a\n', '/sys/fs/cgroup/a/cpu.max': 'max 100000\n' }).quota,
      null,
    );
    assert.equal(
      cores({
        '/proc/self/cgroup': '1:cpu:/a\n',
        '/sys/fs/cgroup/cpu/a/cpu.cfs_quota_us': '-1',
        '/sys/fs/cgroup/cpu/a/cpu.cfs_period_us': '100000',
      }).quota,
      null,
    );
  });

  it('are the quota as a float, the lowest over all ancestors (version 2)', () => {
    const files = {
      '/proc/self/cgroup': '0::/pods/one/box\n',
      '/sys/fs/cgroup/pods/one/box/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/pods/one/cpu.max': '150000 100000\n',
      '/sys/fs/cgroup/pods/cpu.max': '400000 100000\n',
    };
    assert.deepEqual(cores(files), { host: 8, available: 6, quota: 1.5, effective: 1.5 });
  });

  it('are the quota as a float (version 1)', () => {
    const files = {
      '/proc/self/cgroup': '4:memory:/x\n3:cpu,cpuacct:/docker/abc\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '25000\n',
      '/sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000\n',
    };
    assert.equal(cores(files).effective, 0.25);
  });

  it('never exceed the CPUs that the scheduler gives', () => {
    assert.equal(
      cores({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '800000 100000\n' }).effective,
      6,
    );
  });
});

it('periods of a quota are those of the group that is stopped most often', () => {
  const files: Record<string, string> = {
    '/proc/self/cgroup': '0::/pods/box\n1:cpu:/a\n',
    '/sys/fs/cgroup/pods/box/cpu.stat': 'usage_usec 5\nnr_periods 40\nnr_throttled 3\nthrottled_usec 9\n',
    '/sys/fs/cgroup/pods/cpu.stat': 'usage_usec 5\nnr_periods 50\nnr_throttled 7\nthrottled_usec 9\n',
    '/sys/fs/cgroup/cpu/a/cpu.stat': 'nr_periods 60\nnr_throttled 0\nthrottled_time 0\n',
  };
  const periods = quotaPeriods({ read: (path) => files[path] ?? null });
  assert.deepEqual(periods?.(), { all: 50, throttled: 7 });
  files['/sys/fs/cgroup/pods/box/cpu.stat'] = 'nr_periods 80\nnr_throttled 30\n';
  assert.deepEqual(periods?.(), { all: 80, throttled: 30 });
  assert.equal(quotaPeriods({ read: () => null }), null);
});
