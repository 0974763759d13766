import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { CheckResult } from '../../bench/check/result.js';
import { writeDocuments } from '../../bench/regret/documents.js';
import { moduleOf, type RegretTask, tasks } from '../../bench/regret/tasks.js';
import { cli } from '../support.js';

/** Tasks that are known to be sound get no warning and no error. */

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

async function findings(task: string, docs: readonly string[]): Promise<CheckResult['findings']> {
  const { stdout, stderr } = await cli(
    ['check', '--task', task, '--documents', '8', '--json', ...docs],
    folder,
    {
      XDG_CACHE_HOME: join(folder, 'cache'),
    },
  );
  assert.notEqual(stdout, '', stderr);
  return (JSON.parse(stdout) as CheckResult).findings;
}

function assertSound(found: CheckResult['findings']): void {
  assert.deepEqual(
    found.filter(({ level }) => level === 'warning' || level === 'error'),
    [],
  );
}

function notesNativeThreads(found: CheckResult['findings']): boolean {
  return found.some(({ id }) => id === 'native-threads');
}

/** Few documents are enough here: each is run many times. */
const files = 40;

describe('check', { concurrency: 2 }, () => {
  for (const task of tasks) {
    it(`finds nothing wrong with ${task.name}`, async () => {
      const docs = join(folder, task.name);
      writeDocuments({ ...task, files: Math.min(files, task.files) } satisfies RegretTask, docs);
      const found = await findings(fileURLToPath(moduleOf(task)), ['--docs', docs]);
      assertSound(found);
      if (task.name === 'wait') assert.ok(!notesNativeThreads(found), 'notes no native threads');
    });
  }

  // Native threads that get no core for a while look like waiting, so a busy machine may need another try.
  it('notes the native threads of gzip-async', { skip: process.platform !== 'linux' }, async () => {
    const task = tasks.find(({ name }) => name === 'gzip-async') as RegretTask;
    const docs = join(folder, 'native');
    writeDocuments({ ...task, files }, docs);
    for (let tries = 1; tries <= 4; tries++) {
      if (notesNativeThreads(await findings(fileURLToPath(moduleOf(task)), ['--docs', docs]))) return;
    }
    assert.fail('expected the note on native threads in one of four checks');
  });

  const examples = new URL('../../../examples/tasks/', import.meta.url);
  for (const name of readdirSync(examples)) {
    it(`finds nothing wrong with the example ${name}`, async () => {
      assertSound(await findings(fileURLToPath(new URL(name, examples)), []));
    });
  }
});
