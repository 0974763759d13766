/** Every file is streamed through a strategy: node examples/stream.mjs README.md docs/*.md */
import { readFile } from 'node:fs/promises';
import { createRunner } from 'forkwise';

const task = new URL('./tasks/words.mjs', import.meta.url);
// After `forkwise pick`, use what it wrote:
// createRunner({ ...JSON.parse(await readFile('recommendation.json', 'utf8')), task })
const runner = await createRunner({ task, strategy: 'self-scheduling', workers: 2, timeoutMs: 10_000 });

/** The runner asks for the next file when it has room for it, so the files are never all in memory. */
async function* files(paths) {
  for (const path of paths) yield { id: path, bytes: await readFile(path) };
}

try {
  for await (const outcome of runner.process(files(process.argv.slice(2)), { ordered: true })) {
    if (outcome.status === 'ok') console.log(`${outcome.id}: ${outcome.value.words} words`);
    else console.error(`${outcome.id}: ${outcome.status}: ${outcome.error.message}`);
  }
} finally {
  await runner.close();
}
