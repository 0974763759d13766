import type { Chart } from './chart.js';
import arrivalLatency from './charts/arrival-latency.js';
import arrivalLimit from './charts/arrival-limit.js';
import cpu from './charts/cpu.js';
import crossover from './charts/crossover.js';
import differences from './charts/differences.js';
import efficiency from './charts/efficiency.js';
import latency from './charts/latency.js';
import memory from './charts/memory.js';
import runOrder from './charts/run-order.js';
import speedup from './charts/speedup.js';
import stages from './charts/stages.js';
import startup from './charts/startup.js';
import switches from './charts/switches.js';
import throughput from './charts/throughput.js';
import timeBudget from './charts/time-budget.js';
import tradeOff from './charts/trade-off.js';
import winnerMap from './charts/winner-map.js';

/** The list of charts, in the order of the report. To add one: one file here, one line below. */
export const charts: readonly Chart[] = [
  winnerMap,
  throughput,
  speedup,
  efficiency,
  crossover,
  differences,
  latency,
  arrivalLatency,
  arrivalLimit,
  cpu,
  switches,
  memory,
  tradeOff,
  timeBudget,
  stages,
  startup,
  runOrder,
];
