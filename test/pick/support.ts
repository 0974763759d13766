import type { ConfigurationOptions } from '../../bench/pick/axes.js';
import type { Configuration } from '../../bench/pick/configurations.js';
import { configurationsOf } from '../../bench/pick/configurations.js';
import {
  isMeasuredByDefault,
  type LoadedStrategy,
  type PreparedCorpus,
  type PreparedWorkload,
} from '../../bench/trials/plan.js';
import { loadStrategies } from '../../bench/trials/prepare.js';
import { strategies as entries } from '../../strategies/index.js';

/** Made-up workloads and costs for tests of `pick`, with the strategies that it really measures. */

export const loaded = (await loadStrategies(entries.map(({ url }) => url))).filter(isMeasuredByDefault);
export const strategies = loaded.map(({ strategy }) => strategy);
export const baseline = strategies.find((strategy) => strategy.baseline) as LoadedStrategy['strategy'];

export const corpus = {
  name: 'docs',
  documents: 200,
  bytes: 2_000_000,
  sequentialMs: 200,
  file: { source: 'memory' },
  hash: '',
  profile: { documents: 200 },
} as unknown as PreparedCorpus;

/** A corpus of the same documents, which are files. */
export const corpusOfFiles = { ...corpus, file: { ...corpus.file, source: 'files' as const } };

export const computing = { taskMs: 1, cpuMs: 1, loopMs: 1 };
export const waiting = { taskMs: 20, cpuMs: 0.2, loopMs: 0.1 };

export function configurations(
  kind: string,
  cost: ConfigurationOptions['cost'],
  options: Partial<ConfigurationOptions> = {},
): Configuration[] {
  const workload = { kind, ref: { name: 'w', url: '', options: {} }, corpora: [corpus] };
  return configurationsOf({
    workload: workload as unknown as PreparedWorkload,
    corpus,
    strategies: loaded,
    cost,
    cores: 2,
    isolation: 'none',
    maxMemoryBytes: null,
    ...options,
  });
}
