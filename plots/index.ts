import type { Chart } from './chart.js';
import cpu from './cpu.js';
import efficiency from './efficiency.js';
import memory from './memory.js';
import speedup from './speedup.js';
import throughput from './throughput.js';

/** The list of charts, in the order of the report. To add one: one file here, one line below. */
export const charts: readonly Chart[] = [throughput, speedup, efficiency, cpu, memory];
