import type { SummaryRow } from './columns.js';

/** Peak memory of a cell, bytes. Shared pages are counted once where the system tells them apart. */
export function memoryOf({
  memory_peak_bytes,
  rss_peak_bytes,
}: Pick<SummaryRow, 'memory_peak_bytes' | 'rss_peak_bytes'>): number | null {
  return memory_peak_bytes ?? rss_peak_bytes;
}
