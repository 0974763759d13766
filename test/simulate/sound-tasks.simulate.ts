import { describe, it } from 'node:test';
import { tasks } from '../../bench/regret/tasks.js';
import { assertSound, findingsOf } from '../check/sound-tasks.js';

/** `npm run test:sound` checks every task of the regret list. */
describe('check', () => {
  for (const task of tasks) {
    it(`finds nothing wrong with ${task.name}`, async () => assertSound(await findingsOf(task)));
  }
});
