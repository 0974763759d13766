/** Every file is streamed through a strategy: node examples/stream.mjs README.md docs/*.md */
import { createRunner } from 'forkwise';

const task = new URL('./tasks/words.mjs', import.meta.url);
// After `forkwise pick`, use what it wrote:
// createRunner({ ...JSON.parse(readFileSync('recommendation.json', 'utf8')), task, delivery: 'reference' })
const runner = await createRunner({
  task,
  strategy: 'self-scheduling',
  workers: 2,
  delivery: 'reference', // the workers read the files, so their bytes never come here
  timeoutMs: 10_000,
});
const files = process.argv.slice(2).map((path) => ({ id: path, path }));

try {
  for await (const outcome of runner.process(files, { ordered: true })) {
    if (outcome.status === 'ok') console.log(`${outcome.id}: ${outcome.value.words} words`);
    else console.error(`${outcome.id}: ${outcome.status}: ${outcome.error.message}`);
  }
} finally {
  await runner.close();
}
