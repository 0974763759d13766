/**
 * This is the last day of support of each Node major, from the release schedule (github.com/nodejs/Release).
 * Even majors have long-term support.
 */
const lastDays: Readonly<Record<string, string>> = {
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
  25: '2026-06-01',
  26: '2029-04-30',
};

/** @returns the last day of support, like `2026-04-30`; null if the schedule does not list the major */
export function endOfLife(version: string): string | null {
  return lastDays[version.split('.')[0] as string] ?? null;
}
