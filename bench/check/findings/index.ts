import type { Check, Finding, Probes, Row } from '../finding.js';
import type { Lab } from '../lab.js';
import type { Tried } from '../probe.js';
import calls from './calls.js';
import compiledOtherwise from './compiled-otherwise.js';
import costs from './costs.js';
import deterministic from './deterministic.js';
import digest from './digest.js';
import failures from './failures.js';
import grows from './grows.js';
import inFlight from './in-flight.js';
import loads, { endings } from './loads.js';
import lost from './lost.js';
import nativeThreads from './native-threads.js';
import nestedPool from './nested-pool.js';
import places from './places.js';
import remembers from './remembers.js';
import share from './share.js';
import slowStart from './slow-start.js';
import stages from './stages.js';
import views from './views.js';
import waiting from './waiting.js';

/** All checks, in the order of their findings. A new check is a module in this folder, and a line here. */
export const checks: readonly Check[] = [
  loads,
  compiledOtherwise,
  failures,
  lost,
  deterministic,
  places,
  inFlight,
  stages,
  digest,
  calls,
  remembers,
  grows,
  costs,
  share,
  slowStart,
  nativeThreads,
  nestedPool,
  views,
  waiting,
];

/** The table in docs/check.md has these rows. */
export const rows: readonly Row[] = [
  ...checks.flatMap(({ rows }) => rows),
  {
    id: 'compiles',
    level: 'error',
    when: 'the task does not compile',
    remedy: 'correct the source; the finding names file, line and column',
  },
  {
    id: 'documents',
    level: 'note',
    when: 'there is no `--docs`, so the documents were made up',
    remedy: "try it on yours: --docs './samples/**'",
  },
];

export type ProbesTaken = Omit<Probes, 'main'>;

/** Derives findings from what the probes saw. The first place must be the main thread, with two passes. */
export function findingsOf(probes: ProbesTaken): Finding[] {
  const all = withMain(probes);
  if (all === null) return endings(probes.tried, probes.timeoutMs);
  return checks.flatMap((check) => check.find?.(all, []) ?? []);
}

/** Derives and measures all findings, in the order of the list. */
export async function allFindings(probes: ProbesTaken, lab: Lab): Promise<Finding[]> {
  const all = withMain(probes);
  if (all === null) return endings(probes.tried, probes.timeoutMs);
  const measured = await Promise.all(checks.map(async (check) => (await check.measure?.(all, lab)) ?? []));
  return checks.flatMap((check, i) => [
    ...(check.find?.(all, measured.flat()) ?? []),
    ...(measured[i] as Finding[]),
  ]);
}

function withMain(probes: ProbesTaken): Probes | null {
  const [main] = probes.tried as [Tried, ...Tried[]];
  return main.state === 'done' ? { ...probes, main: main.probe } : null;
}
