import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { takeSurvey } from '../../bench/pick/survey.js';
import { HelperProcesses } from '../../bench/trials/helper-processes.js';
import { baselineOf } from '../../bench/trials/plan.js';
import { findFiles } from '../../workloads/documents.js';
import { loaded } from './support.js';

const helpers = new HelperProcesses();
after(() => helpers.end());

const docs = join(helpers.folder, 'docs');
mkdirSync(docs);
for (let i = 0; i < 12; i++) writeFileSync(join(docs, `${i}.txt`), 'x'.repeat(100 + i));

const survey = async (
  options: Record<string, unknown>,
  maxCalls: number | null = null,
  task = 'alone-task',
) =>
  takeSurvey({
    helpers,
    task: { name: task, url: new URL(`../fixtures/tasks/${task}.js`, import.meta.url).href, options },
    baseline: baselineOf(loaded).url,
    budgetMs: 60_000,
    list: await findFiles(docs),
    seed: 1,
    say: () => {},
    maxCalls,
    strategies: loaded,
  });

it('measures what a document computes beside others, with more calls of the task', async () => {
  const { cost, calls, kind } = await survey({});
  assert.equal(kind, 'io');
  assert.ok(cost.taskMs >= 4, `${cost.taskMs} ms`);
  assert.ok(cost.cpuMs > 0 && cost.cpuMs < cost.taskMs, `${cost.cpuMs} ms`);
  const counted = await survey({}, 1000);
  assert.ok(calls > 2 * counted.calls, `${calls} and ${counted.calls} calls`);
});

for (const beside of ['exit', 'hang', 'throw'])
  it(`keeps the costs of documents alone where two at the same time ${beside}`, async () => {
    const { cost, documents, digests } = await survey({ beside });
    assert.equal(documents.length, 12);
    assert.equal(new Set(digests).size, 12);
    assert.ok(cost.cpuMs > 0 && cost.loopMs > 0 && cost.taskMs >= 4);
  });

it('runs documents until they no longer become cheaper, and not where calls are counted', async () => {
  const { neededWarmupMs, calls, costsMs } = await survey({}, null, 'slow-to-warm-task');
  assert.ok(neededWarmupMs >= 800, `${neededWarmupMs} ms`);
  assert.ok(calls >= 150, `${calls} calls`);
  const counted = await survey({}, 40, 'slow-to-warm-task');
  assert.equal(counted.neededWarmupMs, 0);
  assert.ok(counted.calls <= 40, `${counted.calls} calls`);
  const mean = (costs: readonly number[]) => costs.reduce((sum, ms) => sum + ms, 0) / costs.length;
  assert.ok(mean(costsMs) < 0.6 * mean(counted.costsMs), 'the costs are those of warm code');
});
