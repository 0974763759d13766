import { readEnvironment } from '../measure/environment.js';
import { type Plan, trialsPerRound } from '../report/plan.js';
import type { Environment } from '../tables/environment.js';
import { Store } from '../tables/store.js';
import { schema } from '../tables/trial-columns.js';
import { taskRecord } from '../trials/own-task.js';
import { sourceRecord } from '../trials/plan.js';
import type { BenchFlags } from '../trials/request.js';
import { planning, recordOf } from '../trials/resume.js';
import { stagesRecord } from '../trials/splits.js';
import { warmupRecord } from '../trials/timing.js';
import { commandLine } from './folder.js';

/** Makes a new run's folder, and writes its environment before the first trial. */
export async function begin(
  plan: Plan,
  { folder, flags }: { folder: string; flags: Partial<BenchFlags> },
): Promise<Store> {
  const { request } = plan;
  const store = Store.create(folder);
  const environment = await readEnvironment({
    schema,
    run_id: store.runId,
    command: commandLine(),
    seed: request.seed,
    profile: request.profile.name,
    claims: request.profile.claims,
    flags: planning(flags),
    ...(request.own !== undefined && { task: taskRecord(request.own) }),
    plan: {
      trials_per_round: trialsPerRound(plan),
      rounds_least: request.rounds.min,
      rounds_most: request.rounds.max,
      time_ms: plan.timing.timeMs,
      warmup_ms: plan.timing.warmupMs,
      ...(plan.timing.slowWarmupMs !== undefined && { slow_warmup_ms: plan.timing.slowWarmupMs }),
      strategies: recordOf(plan.planned),
    },
    corpora: corporaOf(plan),
  });
  store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
  return store;
}

function corporaOf({ prepared, timing }: Plan): Environment['corpora'] {
  return prepared.flatMap(({ ref, corpora }) =>
    corpora.map((corpus) => ({
      workload: ref.name,
      corpus: corpus.name,
      ...sourceRecord(corpus),
      sha256: corpus.hash,
      ...corpus.profile,
      ...stagesRecord(corpus.stages),
      ...warmupRecord(corpus, timing),
    })),
  );
}
