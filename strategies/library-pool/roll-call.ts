import { setTimeout } from 'node:timers/promises';

/**
 * Asks every worker of a pool once. Library pools cannot address a certain worker and do not say when one is
 * ready. When all workers are idle, as many calls at once as there are workers reach each of them. While some
 * are still starting, one may answer twice; the calls are then repeated until every worker has answered in
 * the same round.
 * @param call asks some worker; resolves with an answer that carries the worker's id.
 * @param maxRounds rounds after which it throws, or waits for workers that start
 * @param patienceMs it waits for them for this time, ms
 * @throws the call's own error, for instance when a worker cannot load its workload.
 */
export async function rollCall<Answer extends { readonly id: string }>(
  workers: number,
  call: () => Promise<Answer>,
  { maxRounds = 1000, patienceMs = 10_000 } = {},
): Promise<Answer[]> {
  const startedMs = performance.now();
  for (let round = 0; ; round++) {
    if (round >= maxRounds) {
      if (performance.now() - startedMs >= patienceMs) break;
      await setTimeout(5);
    }
    const answers = await Promise.all(Array.from({ length: workers }, call));
    if (new Set(answers.map(({ id }) => id)).size === workers) return answers;
  }
  throw new Error(`expected ${workers} workers to answer, but at least one did not in ${maxRounds} rounds`);
}
