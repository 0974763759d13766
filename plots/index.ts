import type { Chart } from './chart.js';
import cpu from './cpu.js';
import crossover from './crossover.js';
import differences from './differences.js';
import efficiency from './efficiency.js';
import latency from './latency.js';
import memory from './memory.js';
import runOrder from './run-order.js';
import speedup from './speedup.js';
import startup from './startup.js';
import switches from './switches.js';
import throughput from './throughput.js';
import timeBudget from './time-budget.js';
import tradeOff from './trade-off.js';
import winnerMap from './winner-map.js';

/** The list of charts, in the order of the report. To add one: one file here, one line below. */
export const charts: readonly Chart[] = [
  winnerMap,
  throughput,
  speedup,
  efficiency,
  crossover,
  differences,
  latency,
  cpu,
  switches,
  memory,
  tradeOff,
  timeBudget,
  startup,
  runOrder,
];
