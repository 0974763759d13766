import type { StrategyTraits } from '../../strategies/strategy.js';
import type { SummaryRow } from '../tables/columns.js';
import type { Environment } from '../tables/environment.js';
import { memoryOf } from '../verdict/situations.js';
import { listed, megabytes, number, ratio, size } from '../words/units.js';
import { against, type Candidate, type Decision, type NoChoice } from './decide.js';

/** A decision for people: three sentences. */

export interface VerdictOptions {
  readonly environment: Environment;
  readonly strategies: readonly Pick<StrategyTraits, 'name' | 'isolation'>[];
  /** What would be chosen if only a process were isolation enough; null where nothing was measured that has one. */
  readonly isolated: Decision | null;
}

/** What to use and what it gives; how sure that is; where it flips. */
export function verdict(decision: Decision, options: VerdictOptions): string[] {
  return [use(decision), confidence(decision), flips(decision, options)];
}

/** "`queue` with 2 workers" */
export function inWords(
  { strategy, workers, delivery }: Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'>,
  among: readonly SummaryRow[] = [],
): string {
  const ways = new Set(among.filter((cell) => cell.strategy === strategy).map((cell) => cell.delivery));
  const way = ways.size > 1 ? ` (${delivery})` : '';
  if (strategy === 'sequential') return '`sequential`';
  if (strategy === 'async') return `\`async\` with ${workers} in flight`;
  return `\`${strategy}\`${way} with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

function cellsOf({ tied, slower, disqualified }: Decision): SummaryRow[] {
  return [...[...tied, ...slower].map(({ cell }) => cell), ...disqualified.map(({ cell }) => cell)];
}

function use(decision: Decision): string {
  const { choice, rate, speedup } = decision;
  const expected =
    rate.low === null || rate.high === null
      ? ''
      : ` (a long new run: ${number(rate.low)} to ${number(rate.high)})`;
  const memory = memoryOf(choice);
  const gain =
    choice.strategy === 'sequential'
      ? ', which no other beats'
      : speedup === null
        ? ''
        : `, ${ratio(speedup.ratio)} sequential${speedup.low === null || speedup.high === null ? '' : ` (${number(speedup.low)}–${number(speedup.high)})`}`;
  return `Use ${inWords(choice, cellsOf(decision))}: ${number(rate.mean)} documents/s${expected}${gain}${memory === null ? '' : `, in ${megabytes(memory)}`}.`;
}

function confidence(decision: Decision): string {
  const { choice, tied, slower, regretBound, blocks } = decision;
  const cells = cellsOf(decision);
  const rivals = tied.filter(({ cell }) => cell !== choice);
  if (blocks < enoughBlocks)
    return `This rests on ${blocks} ${blocks === 1 ? 'block' : 'blocks'} and is little more than a guess${rivals.length > 0 ? `, with ${rivals.length} others that nothing tells from it` : ''}: give it more time.`;
  const measured = `${blocks} ${blocks === 1 ? 'block' : 'blocks'}`;
  if (rivals.length === 0) {
    const [next] = slower as [Candidate?];
    if (next?.difference == null)
      return `Nothing else that was measured keeps to the constraints (${measured}).`;
    if (next.difference.mean < half)
      return `That is clear after ${measured}: nothing else comes to half its rate.`;
    return `That is clear after ${measured}: next is ${inWords(next.cell, cells)}, ${against(next.difference)} its rate.`;
  }
  const names = `${listed(rivals.slice(0, 3).map(({ cell }) => inWords(cell, cells)))}${rivals.length > 3 ? ` and ${rivals.length - 3} more` : ''}`;
  const which =
    choice === decision.best
      ? 'the one with the highest rate is chosen'
      : 'the simplest of the best is chosen';
  const bound =
    regretBound === null
      ? 'how much that may cost is not known'
      : `at most ${percent(regretBound)} of the rate can be lost by that (95 %)`;
  return `It is a tie after ${measured} with ${names}: ${which}, and ${bound}.`;
}

function flips(decision: Decision, { environment, strategies, isolated }: VerdictOptions): string {
  const { choice } = decision;
  const corpus = environment.corpora.find(
    (entry) => entry.workload === choice.workload && entry.corpus === choice.corpus,
  );
  const parts: string[] = [];
  const { break_even_documents: breakEven, startup_ms: startMs } = choice;
  const mayBeSequential = !decision.disqualified.some(({ cell }) => cell.strategy === 'sequential');
  if (
    mayBeSequential &&
    choice.strategy !== 'sequential' &&
    breakEven !== null &&
    breakEven >= 2 &&
    startMs !== null
  )
    parts.push(
      `below ${number(Math.ceil(breakEven))} documents a start (its start takes ${number(startMs)} ms) \`sequential\` is faster`,
    );
  const isolation = strategies.find(({ name }) => name === choice.strategy)?.isolation;
  if (isolation !== 'process' && isolated !== null)
    parts.push(
      `where a crash must not end the caller, use ${inWords(isolated.choice)} (${ratio(isolated.rate.mean / decision.rate.mean)} its rate)`,
    );
  const sizes = corpus === undefined ? '' : `, documents of ${size(corpus.p5)} to ${size(corpus.p95)}`;
  const where = `measured on ${number(environment.cores.effective)} cores, Node ${environment.node.version.split('.')[0]}${sizes}`;
  return parts.length === 0
    ? `Nothing was seen that flips it; ${where}.`
    : `It flips: ${parts.join('; ')}; ${where}.`;
}

const half = Math.log(0.5);
/** With fewer nothing says how much rates scatter. */
const enoughBlocks = 3;

function percent(share: number): string {
  return `${number(100 * share)} %`;
}

/** Why nothing can be recommended. */
export function noChoiceInWords({ disqualified, untested }: NoChoice): string {
  const cells = [...disqualified.map(({ cell }) => cell), ...untested];
  const said = (cell: SummaryRow, reason: string) => `  ${inWords(cell, cells)}: ${reason}`;
  return [
    'Nothing that was measured keeps to the constraints:',
    ...disqualified.map(({ cell, reason }) => said(cell, reason)),
    ...untested.map((cell) => said(cell, 'its loop delay was not measured')),
    ...(untested.length > 0 ? ['Loop delays are measured by `forkwise pick` with --loop-delay alone.'] : []),
    '',
  ]
    .join('\n')
    .replaceAll('`', '');
}
