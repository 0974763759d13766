import type { DocumentCost, StrategySplit } from '../pick/per-worker.js';
import { counted } from './units.js';

/** The table of splits that are in the race; empty where there are none. */
export function splitsText(
  splits: readonly StrategySplit[],
  { cost: { taskMs, cpuMs }, cores }: { readonly cost: DocumentCost; readonly cores: number },
): string {
  if (splits.length === 0) return '';
  const share = Math.round(100 * Math.max(0, 1 - cpuMs / taskMs));
  const rows = splits.map(({ strategy, processes, threads, perWorker, workers }) => [
    strategy,
    String(processes),
    String(threads),
    String(perWorker),
    String(workers * perWorker),
  ]);
  const head = ['strategy', 'processes', 'threads', 'per worker', 'in flight'];
  const widths = head.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] as string).length)),
  );
  const aligned = (text: string, i: number) =>
    i === 0 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number);
  const line = (row: readonly string[]) => `  ${row.map(aligned).join('  ')}`;
  return [
    `a document waits ${share} % of its ${taskMs.toFixed(1)} ms, so workers also run several at a time ` +
      `(${counted(cores, 'core')}):`,
    line(head),
    ...rows.map(line),
  ].join('\n');
}
