import { it } from 'node:test';
import { killAndResume } from '../cli/kill-and-resume.js';

/** `npm run test:kill` kills thirty runs, in plans of six. */
for (let seed = 1; seed <= 5; seed++) {
  it(`six kills, seed ${seed}`, { skip: process.platform !== 'linux' }, async (t) => {
    t.diagnostic(`killed ${JSON.stringify(await killAndResume({ kills: 6, seed }))}`);
  });
}
