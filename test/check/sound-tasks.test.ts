import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type RegretTask, tasks } from '../../bench/regret/tasks.js';
import { onlyLong } from '../support.js';
import { assertSound, findings, findingsOf, notesNativeThreads } from './sound-tasks.js';

/**
 * One task of each kind: computing, waiting, native threads, large results. `npm test` has the first two, and
 * `npm run test:sound` all tasks.
 */
const few = ['count-lines', 'wait', 'gzip-async', 'large-results'];
const short = ['count-lines', 'wait', 'words.mjs'];
const when = (name: string) => (short.includes(name) ? {} : onlyLong);

describe('check', { concurrency: 2 }, () => {
  for (const task of few.map(taskOf)) {
    it(`finds nothing wrong with ${task.name}`, when(task.name), async () => {
      const found = await findingsOf(task);
      assertSound(found);
      if (task.name === 'wait') assert.ok(!notesNativeThreads(found), 'notes no native threads');
      // Native threads without a core look like waiting, so a busy machine may need another try.
      if (task.name !== 'gzip-async' || process.platform !== 'linux') return;
      let noted = notesNativeThreads(found);
      for (let tries = 2; tries <= 4 && !noted; tries++) noted = notesNativeThreads(await findingsOf(task));
      assert.ok(noted, 'notes native threads in one of four checks');
    });
  }

  const examples = new URL('../../../examples/tasks/', import.meta.url);
  for (const name of readdirSync(examples)) {
    it(`finds nothing wrong with the example ${name}`, when(name), async () => {
      assertSound(await findings(fileURLToPath(new URL(name, examples)), []));
    });
  }
});

function taskOf(name: string): RegretTask {
  return tasks.find((task) => task.name === name) as RegretTask;
}
