import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CheckResult } from '../../bench/check/result.js';
import { writeDocuments } from '../../bench/regret/documents.js';
import { moduleOf, type RegretTask } from '../../bench/regret/tasks.js';
import { cli } from '../support.js';

/** Tasks that are known to be sound get no warning and no error. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Few documents are enough here: each is run many times. */
const files = 40;

/** Returns what `forkwise check` finds in a task of the regret list, on a few of its documents. */
export async function findingsOf(task: RegretTask): Promise<CheckResult['findings']> {
  const docs = mkdtempSync(join(folder, `${task.name}-`));
  writeDocuments({ ...task, files: Math.min(files, task.files) } satisfies RegretTask, docs);
  return findings(fileURLToPath(moduleOf(task)), ['--docs', docs]);
}

export async function findings(task: string, docs: readonly string[]): Promise<CheckResult['findings']> {
  const { stdout, stderr } = await cli(
    ['check', '--task', task, '--documents', '8', '--json', ...docs],
    folder,
    { XDG_CACHE_HOME: join(folder, 'cache') },
  );
  assert.notEqual(stdout, '', stderr);
  return (JSON.parse(stdout) as CheckResult).findings;
}

export function assertSound(found: CheckResult['findings']): void {
  assert.deepEqual(
    found.filter(({ level }) => level === 'warning' || level === 'error'),
    [],
  );
}

export function notesNativeThreads(found: CheckResult['findings']): boolean {
  return found.some(({ id }) => id === 'native-threads');
}
