/** A job that ends in order when it is told to: node examples/batch.mjs; SIGTERM, and what is under way is still saved. */
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
    if (outcome.status === 'ok') saved++; // here: write it down
    if (saved === 1) console.log('under way');
  }
  console.log(`all ${saved} saved`);
} catch (error) {
  // Thrown behind the last outcome, so that a job that was cut short is not taken for a whole one.
  if (error.name !== 'RunnerClosedError') throw error;
  console.log(`told to end: ${saved} of ${count} saved`);
} finally {
  await runner.close();
}
