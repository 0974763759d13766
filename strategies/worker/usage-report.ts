import { constants, type PerformanceEntry, PerformanceObserver, performance } from 'node:perf_hooks';
import type { Engine, Member } from '../strategy.js';

/** The type definitions leave `detail` out. */
type GcEntry = PerformanceEntry & { readonly detail: { readonly kind?: number } };

/**
 * This process and this JavaScript engine report their usage here; every module that runs a task imports
 * this one.
 */

let gcMs = 0;
let majorGc: (() => void) | null = null;
// Each engine sees its own garbage collection only, and some time after it happened.
new PerformanceObserver((list) => {
  let isMajor = false;
  for (const entry of list.getEntries() as GcEntry[]) {
    gcMs += entry.duration;
    isMajor ||= entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
  }
  if (isMajor) majorGc?.();
}).observe({ entryTypes: ['gc'] });

/** Calls the listener, which replaces an earlier one, some time after each major garbage collection. */
export function onMajorGc(listener: () => void): void {
  majorGc = listener;
}

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
