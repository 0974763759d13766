import type { Member } from './strategy.js';

/** This process, as it counts itself. On Windows the context switches read 0: the system does not offer them. */
export function selfReport(): Member {
  const { userCPUTime, systemCPUTime, voluntaryContextSwitches, involuntaryContextSwitches } = process.resourceUsage();
  return {
    pid: process.pid,
    cpuUserUs: userCPUTime,
    cpuSystemUs: systemCPUTime,
    switchesVoluntary: voluntaryContextSwitches,
    switchesInvoluntary: involuntaryContextSwitches,
  };
}
