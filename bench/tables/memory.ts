import type { SummaryRow } from './summary-columns.js';

/** Returns the peak memory of a cell, bytes. Shared pages count once if the system distinguishes them. */
export function memoryOf({
  memory_peak_bytes,
  rss_peak_bytes,
}: Pick<SummaryRow, 'memory_peak_bytes' | 'rss_peak_bytes'>): number | null {
  return memory_peak_bytes ?? rss_peak_bytes;
}
