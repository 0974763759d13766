import { setTimeout } from 'node:timers/promises';
import { type Cores, effectiveCores } from '../../strategies/processes/cores.js';
import { type Noise, watchNoise } from '../measure/noise.js';
import { type Files, files } from '../measure/proc.js';
import { spinProbe } from '../measure/spin-probe.js';
import { endOfLife } from '../tables/node-end-of-life.js';
import { number } from '../words/units.js';
import type { Finding } from './finding.js';

/** Checks whether this machine is fit to measure on. It only reads. */
export async function fitness(): Promise<Finding[]> {
  const sinceIdle = watchNoise({ files, root: process.pid, suite: [] });
  await setTimeout(2_000);
  const idle = sinceIdle();
  const cores = effectiveCores();
  const probed = await spinProbe(Math.max(1, Math.ceil(cores.effective)));
  return [
    nodeVersion(process.versions.node),
    coreCount(cores),
    spinning(cores, probed),
    ...neighbours(idle),
    governor(files),
    switched(idle),
  ];
}

function nodeVersion(version: string, today = new Date()): Finding {
  const hasLongTermSupport = Number.parseInt(version, 10) % 2 === 0;
  const end = hasLongTermSupport ? endOfLife(version) : null;
  if (end !== null && new Date(end) >= today)
    return { name: 'node', level: 'ok', said: `Node ${version}, maintained until ${end}` };
  const said =
    end === null
      ? `Node ${version} has no long-term support`
      : `Node ${version} has not been maintained since ${end}`;
  return {
    name: 'node',
    level: 'note',
    said,
    remedy: 'measure on the version that you deploy; results do not carry over between majors',
  };
}

function coreCount({ host, available, quota, effective }: Cores): Finding {
  const limit = quota === null ? 'none' : number(quota);
  const said = `${number(effective)} effective cores (host ${host}, affinity ${available}, quota ${limit})`;
  if (effective >= 2) return { name: 'cores', level: 'ok', said };
  return {
    name: 'cores',
    level: 'note',
    said,
    remedy: 'with fewer than two cores no strategy can gain on cpu work; measure where you deploy',
  };
}

function spinning({ effective }: Cores, probed: number): Finding {
  const said = `spinning threads got ${number(probed)} of ${number(effective)} cores`;
  if (probed >= 0.9 * effective) return { name: 'cores-given', level: 'ok', said };
  return {
    name: 'cores-given',
    level: 'unfit',
    said,
    remedy:
      'another program uses the cores, or a hidden limit applies: end other programs, or check the ' +
      'limits of the container and its node',
  };
}

export function neighbours({ othersPercent, stealPercent, pressureMs }: Noise): Finding[] {
  return [
    percentage(
      'others',
      othersPercent,
      'of the machine’s time goes to other processes',
      'end other programs (browsers, builds, backups) or wait until they are done',
    ),
    percentage(
      'steal',
      stealPercent,
      'of the machine’s time is taken by the hypervisor',
      'the host is shared: measure at another time or on a dedicated one',
    ),
    pressureMs === null
      ? { name: 'pressure', level: 'unknown', said: 'the kernel does not report pressure (PSI)' }
      : { name: 'pressure', level: 'ok', said: 'pressure (PSI) is reported' },
  ];
}

/** Uses the bound that voids a trial, and the bound from which the report mentions it. */
function percentage(name: string, percent: number | null, of: string, remedy: string): Finding {
  if (percent === null)
    return { name, level: 'unknown', said: `this machine does not report what share ${of}` };
  const said = `${percent.toFixed(1)} % ${of}`;
  return percent > 5
    ? { name, level: 'unfit', said, remedy }
    : percent > 1
      ? { name, level: 'note', said, remedy }
      : { name, level: 'ok', said };
}

function governor({ read }: Files): Finding {
  const name = 'cpu-frequency';
  const mode = read('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')?.trim();
  if (mode === undefined)
    return {
      name,
      level: 'unknown',
      said: 'this machine does not show its frequency governor (most virtual machines do not)',
    };
  if (mode === 'performance') return { name, level: 'ok', said: 'frequency governor: performance' };
  return {
    name,
    level: 'note',
    said: `frequency governor: ${mode}`,
    remedy: 'sudo cpupower frequency-set -g performance; set it back when you are done',
  };
}

function switched({ swapPages }: Noise): Finding {
  if (swapPages === null) return { name: 'swap', level: 'unknown', said: 'swapping is not reported here' };
  if (swapPages === 0) return { name: 'swap', level: 'ok', said: 'no swapping' };
  return {
    name: 'swap',
    level: 'unfit',
    said: `${swapPages} pages swapped in two seconds`,
    remedy: 'free memory before you measure',
  };
}
