import { it } from 'node:test';
import { killAndResume } from './kill-and-resume.js';

it('six kills at random moments lose no trial, repeat none and leave nothing', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const killed = await killAndResume({ kills: 6, seed: Math.floor(Math.random() * 2 ** 31) });
  t.diagnostic(`killed ${JSON.stringify(killed)}`);
});
