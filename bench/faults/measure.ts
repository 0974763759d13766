import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { files, processTree } from '../measure/proc.js';
import { type FaultRow, faultTable } from '../tables/fault-columns.js';
import { unknown } from '../tables/table.js';
import { Helper } from '../trials/helper.js';
import type { HelperProcesses } from '../trials/helper-processes.js';
import type { LoadedStrategy } from '../trials/plan.js';
import { applies, type Fault, survivable } from './faults.js';
import type { FaultRecord, FaultRequest } from './host.js';
import { isMarked } from './mark.js';

/** A cell that goes well takes less: a start of workers, a pass and the fault. */
const watchdogMs = 15_000;
/** A process that grows beyond this size is ended, with all that it has started. */
const maxBytes = 256 * 2 ** 20;

/** Measures one cell of the matrix in a process of its own. Never rejects. */
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
  const mark = join(helpers.folder, `fault-${randomUUID()}`);
  const host = new Helper(helpers, new URL('./host.js', import.meta.url));
  let grown = false;
  const watch = setInterval(() => {
    if (largestOf(host.pid) <= maxBytes) return;
    grown = true;
    host.end();
  }, 20);
  try {
    const record = await host.ask<FaultRecord>(
      { strategy: url, fault: fault.name, workers, mark } satisfies FaultRequest,
      { timeoutMs: watchdogMs },
    );
    return { ...row, ...columnsOf(record, { fault, happened: isMarked(mark) }) };
  } catch (cause) {
    const happened = isMarked(mark);
    const why = grown
      ? 'its memory grew beyond 256 MB, and it was ended'
      : firstLine((cause as Error).message);
    const by_design = happened && !survivable(fault, strategy);
    return { ...row, state: 'caller lost', by_design, reason: happened ? why : `${never}; ${why}` };
  } finally {
    clearInterval(watch);
    host.end();
  }
}

const never = 'the fault never happened';

function columnsOf(record: FaultRecord, { fault, happened }: { fault: Fault; happened: boolean }) {
  const { lost, duplicates, wrong, faultStatus, recoveredMs } = record;
  const counts = { lost, duplicates, leftovers: Math.max(0, record.leftovers) };
  if (fault.by === 'module') {
    const reason = firstLine(record.refused ?? 'it opened although the module does not load');
    const told = happened && record.refused?.includes(fault.says);
    const state = told ? 'refused' : 'broken';
    return { ...counts, state, reason: happened ? reason : `${never}; ${reason}` } as const;
  }
  const measured = {
    ...counts,
    documents: record.documents,
    fault_status: faultStatus,
    others_failed: record.othersFailed,
    delayed_ms: Math.round(record.delayedMs),
    recovered_ms: recoveredMs === null ? null : Math.round(recoveredMs),
  };
  const ended = faultStatus === null || fault.ends.includes(faultStatus);
  const whole = lost === 0 && duplicates === 0 && wrong === 0 && ended;
  if (happened && whole) return { ...measured, state: 'survived', reason: null } as const;
  const reason = !happened ? never : wrong > 0 ? `${wrong} wrong results` : null;
  return { ...measured, state: 'broken', reason } as const;
}

/** Finds the resident size of the largest process of the tree, bytes. */
function largestOf(root: number): number {
  const sizes = processTree(files, root).map((pid) =>
    Number(/^VmRSS:\s+(\d+) kB/m.exec(files.read(`/proc/${pid}/status`) ?? '')?.[1] ?? 0),
  );
  return 1024 * Math.max(...sizes);
}

/** Leaves out the place in the source that Node prints before an uncaught error. */
function firstLine(message: string): string {
  const text = message.replace(/file:\S+\n[\s\S]*?\n\n/, '');
  return (text.split('\n').find((line) => line.trim() !== '') ?? '').slice(0, 200);
}
