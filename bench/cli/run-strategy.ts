import type { RunnerOptions } from '../../runner/create-runner.js';
import { findStrategy } from '../../runner/open-strategy.js';
import { refuseInFlight } from '../../runner/refusal.js';
import { strategies } from '../../strategies/index.js';
import type { Strategy, StrategyEntry, StrategyTraits } from '../../strategies/strategy.js';

/** Refuses before anything is written. @throws WorkloadError as `openForRunner` does */
export async function refuse(
  task: { readonly name: string; readonly sha256: string },
  options: RunnerOptions & { readonly workers: number },
): Promise<void> {
  const { workers, perWorker = 1, adaptive = false, findings = [], task: given } = options;
  const { strategy } = await findStrategy(options.strategy, { workers, perWorker });
  const isSame = typeof given === 'object' && 'sha256' in given && given.sha256 === task.sha256;
  refuseInFlight({ task, strategy, workers, perWorker, adaptive, findings: isSame ? findings : [] });
}

export async function traitsOf(name: string): Promise<StrategyTraits> {
  const entry = strategies.find((entry) => entry.name === name) as StrategyEntry;
  return ((await import(entry.url)) as { default: Strategy }).default;
}

/** Loads all strategies, which is slow: only for a job that is lost anyway. */
export async function isolatingNames(): Promise<string[]> {
  const all = await Promise.all(strategies.map(({ name }) => traitsOf(name)));
  return all.filter(({ isolation }) => isolation !== 'none').map(({ name }) => name);
}
