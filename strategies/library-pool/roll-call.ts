/**
 * Library pools address no worker by name and do not say when one is ready. As many calls at once as there are
 * workers reach each of them, as long as all are idle; while some are still starting, one may answer twice, so the
 * call is repeated until every worker has answered in the same round.
 * @param call asks some worker; resolves with an answer that carries the worker's id.
 * @param rounds after which it is given up
 * @throws the call's own error, as when a worker cannot load its workload.
 */
export async function rollCall<Answer extends { readonly id: string }>(
  workers: number,
  call: () => Promise<Answer>,
  rounds = 1000,
): Promise<Answer[]> {
  for (let round = 0; round < rounds; round++) {
    const answers = await Promise.all(Array.from({ length: workers }, call));
    if (new Set(answers.map(({ id }) => id)).size === workers) return answers;
  }
  throw new Error(`expected ${workers} workers to answer, and one at least never did in ${rounds} rounds`);
}
