import type { FaultRow } from '../tables/fault-columns.js';
import type { TextTable } from '../words/text-table.js';
import { listed } from '../words/units.js';

/** The fault matrix is put into words here. */

/**
 * A row a fault, a column a strategy: what became of the document that went wrong, where the caller lived.
 */
export function matrixTable(rows: readonly FaultRow[]): TextTable {
  const strategies = [...new Set(rows.map(({ strategy }) => strategy))];
  const faults = [...new Set(rows.map(({ fault }) => fault))];
  return {
    header: ['', ...strategies],
    numbersFrom: strategies.length + 1,
    groups: [
      faults.map((fault) => [
        fault,
        ...strategies.map((strategy) =>
          words(rows.find((row) => row.fault === fault && row.strategy === strategy)),
        ),
      ]),
    ],
  };
}

export const faultLegend =
  'The cell says what became of the document that went wrong: failed, timed-out or crashed; ok where it ' +
  'had its result all the same; unharmed where the fault came from outside. ' +
  'All other documents have their outcomes. ' +
  'Caller lost: the whole process ended, or had to be ended. A dash: the strategy cannot have this fault.';

function words(row: FaultRow | undefined): string {
  if (row === undefined) return '';
  const { state, fault_status, others_failed, lost, duplicates } = row;
  if (state === 'not applicable') return '–';
  if (state === 'broken') return `broken: ${lost ?? 0} lost, ${duplicates ?? 0} twice`;
  if (state !== 'survived') return state;
  const others = (others_failed ?? 0) > 0 ? `, ${others_failed} more not ok` : '';
  return `${fault_status ?? 'unharmed'}${others}`;
}

/** "Only process-pool and queue survive a crash of native code; …" Null where the matrix was not measured. */
export function faultSentence(rows: readonly FaultRow[]): string | null {
  const parts = [
    survivors(rows, 'abort', 'a crash of native code'),
    survivors(rows, 'endless-loop', 'a task that never ends'),
    survivors(rows, 'heap-buffers', 'buffers that grow without end'),
  ].filter((part) => part !== null);
  if (parts.length === 0) return null;
  const lost = rows.reduce((sum, row) => sum + (row.lost ?? 0), 0);
  const twice = rows.reduce((sum, row) => sum + (row.duplicates ?? 0), 0);
  const text = parts.join('; ');
  const counted = `${lost} documents were lost and ${twice} had two outcomes where the caller lived`;
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}; ${counted}.`;
}

function survivors(rows: readonly FaultRow[], fault: string, inWords: string): string | null {
  const measured = rows.filter((row) => row.fault === fault && row.state !== 'not applicable');
  if (measured.length === 0) return null;
  const alive = measured.filter(({ state }) => state === 'survived').map(({ strategy }) => `\`${strategy}\``);
  if (alive.length === 0) return `none survives ${inWords}`;
  if (alive.length === measured.length) return `all survive ${inWords}`;
  return `only ${listed(alive)} ${alive.length === 1 ? 'survives' : 'survive'} ${inWords}`;
}
