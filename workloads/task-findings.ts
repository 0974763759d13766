import { keepNote, readNote } from './task-cache.js';

/** This module keeps what `forkwise check` found about a task, by the hash of the compiled task. */

/** One property of a task that was checked. */
export interface TaskFinding {
  /** Names the property, whatever was found; docs/check.md lists all of them. */
  readonly id: string;
  /** Says how much it matters; `ok` means that the property was checked and nothing is wrong with it. */
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  /** Says what was found. */
  readonly said: string;
  /** Says what to do about it. */
  readonly remedy?: string;
}

/** The finding about a task that runs several documents at a time on one thread. */
export const inFlightId = 'in-flight';

/** The findings that are known about the compiled task with this hash; none if it was never checked. */
export function knownFindings(sha256: string): readonly TaskFinding[] {
  try {
    const kept: unknown = JSON.parse(readNote(nameOf(sha256)) ?? '[]');
    return Array.isArray(kept) ? kept.filter(isFinding) : [];
  } catch {
    return []; // what cannot be read is found again
  }
}

/** Keeps all findings of a check in place of earlier ones; an earlier test in flight stays until the next. */
export function keepFindings(sha256: string, findings: readonly TaskFinding[]): void {
  const tested = findings.some(({ id }) => id === inFlightId);
  const earlier = tested ? [] : knownFindings(sha256).filter(({ id }) => id === inFlightId);
  write(sha256, [...findings, ...earlier]);
}

/** Keeps one finding beside the others, in place of an earlier one about the same property. */
export function addFinding(sha256: string, finding: TaskFinding): void {
  write(sha256, [...knownFindings(sha256).filter(({ id }) => id !== finding.id), finding]);
}

function write(sha256: string, findings: readonly TaskFinding[]): void {
  keepNote(nameOf(sha256), `${JSON.stringify(findings, null, 2)}\n`);
}

/** The error that forbids several documents at a time on one thread; undefined if there is none. */
export function inFlightError(findings: readonly TaskFinding[]): TaskFinding | undefined {
  return findings.find(({ id, level }) => id === inFlightId && level === 'error');
}

function nameOf(sha256: string): string {
  return `${sha256}.findings.json`;
}

function isFinding(value: unknown): value is TaskFinding {
  const { id, level, said } = (value ?? {}) as Partial<Record<keyof TaskFinding, unknown>>;
  return (
    typeof id === 'string' &&
    typeof said === 'string' &&
    ['ok', 'note', 'warning', 'error'].includes(level as string)
  );
}
