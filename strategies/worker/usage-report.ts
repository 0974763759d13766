import { PerformanceObserver, performance } from 'node:perf_hooks';
import type { Engine, Member } from '../strategy.js';

/** How this process and this JavaScript engine count themselves; imported by everything that runs a task. */

let gcMs = 0;
// Garbage collection is told to each engine alone, and some time after it happened.
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) gcMs += duration;
}).observe({ entryTypes: ['gc'] });

/** This process. On Windows the context switches read 0: the system does not offer them. */
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

/** This thread's engine. @param worker the id it has in outcomes */
export function engineReport(worker: string): Engine {
  const { active, idle } = performance.eventLoopUtilization();
  return { worker, loopActiveMs: active, loopIdleMs: idle, gcMs };
}
