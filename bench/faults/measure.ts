import { files, processTree } from '../measure/proc.js';
import { type FaultRow, faultTable } from '../tables/fault-columns.js';
import { unknown } from '../tables/table.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { LoadedStrategy } from '../trials/plan.js';
import { applies, type Fault, survivable } from './faults.js';
import type { FaultRecord, FaultRequest } from './host.js';

/** Longer than any cell takes that goes well: a pass, the fault, a start of workers. */
const watchdogMs = 15_000;
/** No process of a cell may be larger; whoever lets one grow beyond it is ended with all it has started. */
const mostBytes = 256 * 2 ** 20;

/** One cell of the matrix, in a process of its own. Never rejects. */
export async function measureFault(
  helpers: HelperProcesses,
  { url, strategy }: LoadedStrategy,
  { fault, workers }: { fault: Fault; workers: number },
): Promise<FaultRow> {
  const cell = {
    strategy: strategy.name,
    isolation: strategy.isolation,
    fault: fault.name,
    workers: strategy.scales ? workers : 1,
  };
  const row = { ...unknown(faultTable), ...cell, by_design: false };
  if (!applies(fault, strategy)) return { ...row, state: 'not applicable' };
  const host = new Helper(helpers, new URL('./host.js', import.meta.url));
  let grown = false;
  const watch = setInterval(() => {
    if (largestOf(host.pid) <= mostBytes) return;
    grown = true;
    host.end();
  }, 20);
  try {
    const record = await host.ask<FaultRecord>({ strategy: url, fault, workers } satisfies FaultRequest, {
      timeoutMs: watchdogMs,
    });
    return { ...row, ...columnsOf(record, fault) };
  } catch (cause) {
    const reason = grown
      ? 'its memory grew beyond 256 MB, and it was ended'
      : firstLine((cause as Error).message);
    return { ...row, state: 'caller lost', by_design: !survivable(fault, strategy), reason };
  } finally {
    clearInterval(watch);
    host.end();
  }
}

function columnsOf(record: FaultRecord, fault: Fault) {
  const {
    refused,
    documents,
    lost,
    duplicates,
    wrong,
    faultStatus,
    othersFailed,
    delayedMs,
    recoveredMs,
    leftovers,
  } = record;
  if (refused !== null)
    return {
      state: /no such model/.test(refused) ? 'refused' : 'broken',
      lost: 0,
      duplicates: 0,
      leftovers,
      reason: firstLine(refused),
    } as const;
  const ended = faultStatus === null || fault.ends.includes(faultStatus);
  const whole = lost === 0 && duplicates === 0 && wrong === 0 && ended;
  const outcome = whole
    ? ({ state: 'survived', reason: null } as const)
    : ({ state: 'broken', reason: wrong > 0 ? `${wrong} wrong results` : null } as const);
  return {
    ...outcome,
    documents,
    lost,
    duplicates,
    fault_status: faultStatus,
    others_failed: othersFailed,
    delayed_ms: Math.round(delayedMs),
    recovered_ms: recoveredMs === null ? null : Math.round(recoveredMs),
    leftovers: Math.max(0, leftovers),
  };
}

/** Resident bytes of the largest process of the tree. */
function largestOf(root: number): number {
  const sizes = processTree(files, root).map((pid) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(files.read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0),
  );
  return 1024 * Math.max(...sizes);
}

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '').slice(0, 200);
}
