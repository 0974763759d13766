import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kindOf, WaitingMeter, waitingShare } from '../../bench/measure/waiting.js';

describe('the share of waiting', () => {
  it('is what is left of the time without CPU time, and without that in which others had the cores', () => {
    assert.equal(waitingShare({ wallMs: 100, cpuMs: 20, delayedMs: 0, idleMs: 80 }), 0.8);
    assert.equal(waitingShare({ wallMs: 120, cpuMs: 20, delayedMs: 20, idleMs: 100 }), 0.8);
    assert.equal(waitingShare({ wallMs: 10, cpuMs: 15, delayedMs: 0, idleMs: 0 }), 0);
    assert.equal(
      waitingShare({ wallMs: 100, cpuMs: 50, delayedMs: 0, idleMs: 0 }),
      0,
      'a quota has stopped it',
    );
    assert.equal(waitingShare({ wallMs: 0, cpuMs: 0, delayedMs: 0, idleMs: 0 }), 0);
    assert.deepEqual([0, 0.09, 0.1, 0.9, 0.91, 1].map(kindOf), ['cpu', 'cpu', 'mixed', 'mixed', 'io', 'io']);
  });

  it('leaves out what is done between end and begin', () => {
    let delayedNs = 0;
    const meter = new WaitingMeter({ read: () => `1 ${delayedNs} 1`, list: () => [] });
    meter.begin();
    delayedNs = 5e6;
    meter.end();
    delayedNs = 9e6;
    meter.begin();
    delayedNs = 10e6;
    meter.end();
    meter.end();
    assert.equal(meter.total.delayedMs, 6);
  });
});
