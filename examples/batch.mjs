/**
 * A batch that stops in order: node examples/batch.mjs
 * On SIGTERM it reads no more documents, but still saves documents in progress.
 */
import { createRunner } from 'forkwise';

const count = Number(process.env.DOCUMENTS ?? 1000);
const runner = await createRunner({
  task: new URL('./tasks/words.mjs', import.meta.url),
  strategy: 'self-scheduling',
  workers: 2,
});
process.once('SIGTERM', () => runner.drain());

function* documents() {
  for (let i = 0; i < count; i++)
    yield { id: `document ${i}`, bytes: new TextEncoder().encode(`text number ${i}`) };
}

let saved = 0;
try {
  for await (const outcome of runner.process(documents())) {
    if (outcome.status === 'ok') saved++; // your program writes the result here
    if (saved === 1) console.log('under way');
  }
  console.log(`all ${saved} saved`);
} catch (error) {
  // The loop throws this after the last outcome, so that a batch that was cut short does not look complete.
  if (error.name !== 'RunnerClosedError') throw error;
  console.log(`stopped: ${saved} of ${count} saved`);
} finally {
  await runner.close();
}
