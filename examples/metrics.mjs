/** Prints a runner's counters as Prometheus reads them; needs prom-client: node examples/metrics.mjs */
import { createRunner } from 'forkwise';
import { collectMetrics } from 'forkwise/prom-client';
import { Registry } from 'prom-client';

const register = new Registry();
const runner = await createRunner({
  task: new URL('./tasks/words.mjs', import.meta.url),
  strategy: 'thread-pool',
  workers: 2,
});
collectMetrics(runner, { register });

await Promise.all(
  ['one two three', 'four five'].map((text) =>
    runner.run({ id: text, bytes: new TextEncoder().encode(text) }),
  ),
);
console.log(await register.metrics()); // a server answers GET /metrics with this
await runner.close();
