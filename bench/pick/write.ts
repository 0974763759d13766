import type { Recommendation } from '../../runner/recommendation.js';
import type { StrategyTraits } from '../../strategies/strategy.js';
import { colorsFor } from '../cli/terminal.js';
import type { ResponsivenessRow } from '../tables/responsiveness-columns.js';
import type { Findings } from '../verdict/findings.js';
import { duration, number } from '../words/units.js';
import type { Constraints } from './constraints.js';
import { type Decided, type Decision, decide } from './decide.js';
import { limitsUnder } from './limits.js';
import { type Effort, type MemoryFit, recommendation } from './recommendation.js';
import { noChoiceInWords, verdict } from './words.js';

/** A decision with all that it rests on. */
export interface Chosen {
  readonly decided: Decided;
  readonly found: Pick<Findings, 'environment' | 'trials' | 'summaries' | 'scaling'>;
  readonly constraints: Constraints;
  readonly timeoutMs: number | null;
  readonly responsiveness: readonly ResponsivenessRow[];
  readonly strategies: readonly StrategyTraits[];
  readonly task: Recommendation['task'];
  readonly effort: Effort | null;
}

/** @returns the recommendation as it was written; null, and nothing is written, where there is none */
export function writeDecision(chosen: Chosen, write: (text: string) => void): Recommendation | null {
  const { decided: decision, found, constraints, strategies } = chosen;
  if (decision.state === 'none') return null;
  const { isolation } = strategies.find(({ name }) => name === decision.choice.strategy) as StrategyTraits;
  const limits =
    limitsUnder(constraints.maxMemoryBytes, { isolation, workers: decision.choice.workers }) ?? {};
  const made = recommendation({
    ...chosen,
    decision,
    environment: found.environment,
    limits,
    memory: memoryFit(decision, chosen),
    verdict: sentencesOf(decision, chosen),
  });
  write(`${JSON.stringify(made, null, 2)}\n`);
  return made;
}

/** For a person on standard output. */
export function decisionText(
  chosen: Chosen,
  { path, report }: { readonly path: string | null; readonly report: string | null },
): string {
  const { decided, effort, responsiveness } = chosen;
  if (decided.state === 'none') return `\n${noChoiceInWords(decided)}`;
  const { bold, dim } = colorsFor(process.stdout);
  const [use, ...rest] = sentencesOf(decided, chosen).map((sentence) => sentence.replaceAll('`', ''));
  const loops = responsiveness.map(
    (row) =>
      `A server beside ${row.strategy} × ${row.workers} answered in ${number(row.ping_p50_ms)} ms (median), ${number(row.ping_p99_ms)} ms (p99), ${number(row.ping_max_ms)} ms at the longest, of ${row.pings} requests.`,
  );
  const spent =
    effort === null
      ? []
      : [
          `${duration(effort.usedMs)} for ${effort.blocks} ${effort.blocks === 1 ? 'block' : 'blocks'}, ${effort.finalBlocks} of them of the final; all configurations in as many would have taken ${duration(effort.fullGridMs)}.`,
        ];
  const files = [
    ...(path === null ? [] : [`Recommendation: ${path}`]),
    ...(report === null ? [] : [`Report: ${report}`]),
  ];
  return ['', bold(use as string), ...rest, ...loops, ...[...spent, ...files].map(dim), ''].join('\n');
}

function memoryFit({ choice }: Decision, { found }: Chosen): MemoryFit | null {
  const { strategy, delivery } = choice;
  const row = found.scaling.find((row) => row.strategy === strategy && row.delivery === delivery);
  if (row?.memory_base_bytes == null || row.memory_per_worker_bytes === null) return null;
  return { baseBytes: row.memory_base_bytes, perWorkerBytes: row.memory_per_worker_bytes };
}

function sentencesOf(
  decision: Decision,
  { found, constraints, responsiveness, strategies }: Chosen,
): string[] {
  const { environment, trials, summaries } = found;
  const alone = decide({
    trials,
    summaries,
    responsiveness,
    strategies,
    constraints: { ...constraints, isolation: 'process' },
  });
  return verdict(decision, { environment, strategies, isolated: alone.state === 'chosen' ? alone : null });
}
