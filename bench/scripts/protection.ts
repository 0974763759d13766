import { strategies } from '../../strategies/index.js';
import type { Session, Strategy } from '../../strategies/strategy.js';
import { workloads } from '../../workloads/index.js';
import { syntheticCorpus } from '../../workloads/synthetic.js';
import { colorsFor, note, print } from '../cli/terminal.js';
import { renderTable } from '../report/console.js';
import { paired } from '../stats/paired.js';
import { roundOrder } from '../trials/plan.js';

/**
 * `npm run bench:protection`: what does a time limit cost if nothing goes wrong? Two sessions of each
 * strategy, with a limit and without, take turns over the same documents. The order within a round is
 * random, ratios are paired by round.
 */
const rounds = 16;
const passesPerTurn = 2;
const timeoutMs = 10_000;

const url = workloads.find(({ name }) => name === 'word-frequency')?.url as string;
const { documents } = syntheticCorpus({
  name: '10KB',
  size: 10_000,
  count: 1000,
  complexity: 'medium',
  seed: 1,
});

const rows: string[][] = [];
for (const { url: module, needsBroker } of strategies) {
  if (needsBroker) continue;
  const { default: strategy } = (await import(module)) as { default: Strategy };
  const open = (timeoutMs?: number): Promise<Session> =>
    strategy.open(
      { name: 'word-frequency', url, options: {} },
      {
        workers: strategy.scales ? 2 : 1,
        delivery: strategy.deliveries[0],
        ...(timeoutMs !== undefined && { timeoutMs }),
      },
    );
  const sessions = [
    { name: 'with', session: await open(timeoutMs) },
    { name: 'without', session: await open() },
  ];
  for (const { session } of sessions) await pass(session);
  const ratios: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    const ms: Record<string, number> = {};
    for (const { name, session } of roundOrder(sessions, { seed: 1, round })) ms[name] = await pass(session);
    ratios.push(Math.log((ms.without as number) / (ms.with as number)));
  }
  for (const { session } of sessions) await session.close();
  const { mean, low, high } = paired(ratios);
  rows.push([
    strategy.name,
    Math.exp(mean).toFixed(3),
    `${Math.exp(low).toFixed(3)}–${Math.exp(high).toFixed(3)}`,
  ]);
  note(rows.at(-1)?.join('  ') ?? '');
}
const header = ['strategy', 'throughput with ÷ without', '95 % interval'];
const table = { header, numbersFrom: 1, groups: [rows] };
print(
  `\n${renderTable(table, colorsFor(process.stdout))}\n\n` +
    `word-frequency, 10 KB, 2 workers, ${rounds} rounds, a time limit of ${timeoutMs / 1000} s\n`,
);

/** Runs some passes over all documents. @returns how long they took, milliseconds */
async function pass(session: Session): Promise<number> {
  const startedMs = performance.now();
  for (let i = 0; i < passesPerTurn; i++) {
    let count = 0;
    await session.run(documents, ({ status }) => {
      if (status === 'ok') count++;
    });
    if (count !== documents.length)
      throw new Error(`expected ${documents.length} documents done, got ${count}`);
  }
  return performance.now() - startedMs;
}
