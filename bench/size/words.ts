import { type Capacity, capacityOf, usableShare } from '../../strategies/processes/memory-share.js';
import { counted, number, size, whole } from '../words/units.js';
import type { WorkerSize } from './measure.js';

/** Memories that are often asked for, bytes. */
const usualBytes = [4, 8, 16, 64, 256].map((gigabytes) => gigabytes * 1e9);

/** What `forkwise size` has found. */
export interface SizeResult {
  readonly task: string;
  readonly cores: number;
  /** The task waits nearly all the time, so cores do not limit its workers. */
  readonly waits: boolean;
  /** Memory of this machine, or its limit, or what the user gave, bytes. */
  readonly memoryBytes: number;
  /** The user gave the memory. */
  readonly isGiven: boolean;
  /** The finding of memory that grows without an end; null where it does not. */
  readonly grows: string | null;
  readonly workers: readonly WorkerKind[];
}

export interface WorkerKind extends WorkerSize {
  readonly kind: 'thread' | 'process';
}

export interface SizeRow {
  readonly kind: WorkerKind['kind'];
  readonly memoryBytes: number;
  readonly isHere: boolean;
  readonly isGiven: boolean;
  readonly capacity: Capacity;
  /** Workers for which the memory would do, whatever the cores. */
  readonly byMemory: number;
}

/** One row for each kind of worker and each memory. A task that grows has none, for no number is safe. */
export function sizeRows({ cores, waits, memoryBytes, isGiven, grows, workers }: SizeResult): SizeRow[] {
  if (grows !== null) return [];
  const memories = [memoryBytes, ...usualBytes];
  return workers.flatMap(({ kind, baseBytes, workerBytes }) =>
    memories.map((bytes, i) => {
      const of = { memoryBytes: bytes, baseBytes, workerBytes };
      return {
        kind,
        memoryBytes: bytes,
        isHere: i === 0 && !isGiven,
        isGiven: i === 0 && isGiven,
        capacity: capacityOf({ ...of, cores: waits ? null : cores }),
        byMemory: capacityOf({ ...of, cores: null }).workers,
      };
    }),
  );
}

/** The result as a person reads it. */
export function sizeText(result: SizeResult): string {
  const { task, cores, waits, grows, workers } = result;
  const measured = workers.map(
    ({ kind, workerBytes, baseBytes, documents, failed }) =>
      `${task}: a worker ${kind} takes ${size(workerBytes)} (${counted(documents, 'call')}` +
      `${failed === 0 ? '' : `, ${failed} not ok`}), and its caller ${size(baseBytes)}`,
  );
  if (grows !== null)
    return `${[
      ...measured,
      `No number of workers is safe: ${grows}.`,
      'Mend that first; until then limit memory in the job file and let workers be replaced.',
    ].join('\n')}\n`;
  const rows = sizeRows(result).map((row) => [
    row.kind,
    memoryText(row),
    String(row.capacity.workers),
    limitIn(row, { cores, waits }),
  ]);
  const header = ['worker', 'memory', 'safe workers', 'limit'];
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] as string).length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return `${[...measured, '', line(header), ...rows.map(line), '', rule(cores, waits)].join('\n')}\n`;
}

function memoryText({ memoryBytes, isHere, isGiven }: SizeRow): string {
  const text = memoryBytes < 1e9 ? size(memoryBytes) : `${number(memoryBytes / 1e9)} GB`;
  return `${text}${isHere ? ' (here)' : ''}${isGiven ? ' (given)' : ''}`;
}

function limitIn(
  { capacity, byMemory }: SizeRow,
  { cores, waits }: Pick<SizeResult, 'cores' | 'waits'>,
): string {
  if (capacity.workers === 0) return 'memory: not even one fits';
  if (capacity.bound === 'cores') return `cores: memory would do for ${whole(byMemory)}`;
  return waits
    ? 'memory: the task waits, so cores are no limit'
    : cores < 2
      ? 'memory: there is 1 core'
      : `memory: there are ${Math.floor(cores)} cores`;
}

function rule(cores: number, waits: boolean): string {
  const limit = waits ? '' : `, at most ${counted(Math.max(1, Math.floor(cores)), 'core')}`;
  return `safe workers = floor((${usableShare} × memory − caller) ÷ worker)${limit}`;
}
