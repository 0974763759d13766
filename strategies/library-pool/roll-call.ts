/**
 * Asks every worker of a pool once. Library pools cannot address a certain worker and do not say when one is
 * ready. When all workers are idle, as many calls at once as there are workers reach each of them. While some
 * are still starting, one may answer twice; the calls are then repeated until every worker has answered in
 * the same round.
 * @param call asks some worker; resolves with an answer that carries the worker's id.
 * @param maxRounds rounds after which it throws
 * @throws the call's own error, for instance when a worker cannot load its workload.
 */
export async function rollCall<Answer extends { readonly id: string }>(
  workers: number,
  call: () => Promise<Answer>,
  maxRounds = 1000,
): Promise<Answer[]> {
  for (let round = 0; round < maxRounds; round++) {
    const answers = await Promise.all(Array.from({ length: workers }, call));
    if (new Set(answers.map(({ id }) => id)).size === workers) return answers;
  }
  throw new Error(`expected ${workers} workers to answer, but at least one did not in ${maxRounds} rounds`);
}
