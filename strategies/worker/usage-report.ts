import { PerformanceObserver, performance } from 'node:perf_hooks';
import type { Engine, Member } from '../strategy.js';

/**
 * This process and this JavaScript engine report their usage here; every module that runs a task imports
 * this one.
 */

let gcMs = 0;
// Each engine sees its own garbage collection only, and some time after it happened.
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) gcMs += duration;
}).observe({ entryTypes: ['gc'] });

/** Reports on this process. On Windows the context switches are 0, because the system does not count them. */
export function processReport(): Member {
  const { userCPUTime, systemCPUTime, voluntaryContextSwitches, involuntaryContextSwitches } =
    process.resourceUsage();
  return {
    pid: process.pid,
    cpuUserUs: userCPUTime,
    cpuSystemUs: systemCPUTime,
    switchesVoluntary: voluntaryContextSwitches,
    switchesInvoluntary: involuntaryContextSwitches,
  };
}

/** Reports on this thread's engine. @param worker the name it has in outcomes */
export function engineReport(worker: string): Engine {
  const { active, idle } = performance.eventLoopUtilization();
  return { worker, loopActiveMs: active, loopIdleMs: idle, gcMs };
}
