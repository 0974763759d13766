import type { StrategyTraits } from '../../strategies/strategy.js';
import type { Decision, Eligible, NoChoice } from '../pick/decide.js';
import type { SummaryRow } from '../tables/columns.js';
import type { Environment } from '../tables/environment.js';
import { memoryOf } from '../tables/memory.js';
import type { Ratio } from '../verdict/choice.js';
import { listed, megabytes, number, ratio, size } from './units.js';

/** `pick` and `recommend` describe a decision with these sentences, each of at most 25 words. */

export interface VerdictOptions {
  readonly environment: Environment;
  readonly strategies: readonly StrategyTraits[];
  /** The decision if tasks had to run in processes; null if no measured configuration does that. */
  readonly isolated: Decision | null;
}

/**
 * The sentences in order: what to use, how sure that is, when something else is better, where it was
 * measured.
 */
export function verdict(decision: Decision, options: VerdictOptions): string[] {
  const name = namer(options.strategies, cellsOf(decision));
  return [
    use(decision, name),
    ...promise(decision),
    confidence(decision, name),
    ...exceptions(decision, { ...options, name }),
    where(decision, options),
  ];
}

type Configuration = Pick<SummaryRow, 'strategy' | 'workers' | 'delivery'>;
type Namer = (configuration: Configuration) => string;

/**
 * * Names configurations: "`queue` with 2 workers", "`async` with 8 in flight". The delivery is named if the
 * strategy was measured with more than one.
 */
export function namer(strategies: readonly StrategyTraits[], among: readonly SummaryRow[] = []): Namer {
  return ({ strategy, workers, delivery }) => {
    const traits = strategies.find(({ name }) => name === strategy);
    const deliveries = new Set(among.filter((row) => row.strategy === strategy).map((row) => row.delivery));
    const way = deliveries.size > 1 ? ` (${delivery})` : '';
    if (traits?.baseline) return `\`${strategy}\``;
    if (traits?.concurrency === 'in flight') return `\`${strategy}\`${way} with ${workers} in flight`;
    return `\`${strategy}\`${way} with ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
  };
}

function cellsOf({ tied, slower, disqualified }: Decision): SummaryRow[] {
  return [...[...tied, ...slower].map(({ cell }) => cell), ...disqualified.map(({ cell }) => cell)];
}

function use({ choice, speedup, nothingIsFaster, blocks }: Decision, name: Namer): string {
  if (nothingIsFaster) {
    const shown = blocks < minBlocks ? '' : ' in these measurements';
    return `Use ${name(choice)}: nothing was shown to be faster${shown}.`;
  }
  return `Use ${name(choice)}${speedup === null ? '' : `: ${withInterval(speedup)} sequential`}.`;
}

function promise({ choice, rate }: Decision): string[] {
  const memory = memoryOf(choice);
  const range =
    rate.low === null || rate.high === null ? '' : ` (${number(rate.low)} to ${number(rate.high)})`;
  const uses = memory === null ? '' : `, in ${megabytes(memory)} of memory`;
  return [`Expect ${number(rate.mean)} documents/s${range} of a long new run${uses}.`];
}

/** Prints a ratio and its interval: "1.95× (1.88–2.02)". */
export function withInterval({ ratio: value, low, high }: Ratio): string {
  return low === null || high === null ? ratio(value) : `${ratio(value)} (${number(low)}–${number(high)})`;
}

/** It is unknown how much rates scatter if there are fewer blocks. */
const minBlocks = 3;

function confidence(decision: Decision, name: Namer): string {
  const { choice, tied, slower, regretBound, blocks } = decision;
  const rivals = tied.filter(({ cell }) => cell !== choice);
  const measured = `${blocks} ${blocks === 1 ? 'block' : 'blocks'}`;
  if (blocks < minBlocks) {
    const others = rivals.length === 0 ? '' : `; ${rivals.length} others are about as fast`;
    const few = `Only ${measured} ${blocks === 1 ? 'was' : 'were'} measured`;
    return `${few}, so this is a guess${others}. Use a longer \`--time-budget\`.`;
  }
  if (rivals.length === 0) return nextBest(slower, { name, measured });
  const named = rivals.slice(0, 2).map(({ cell }) => name(cell));
  const more = rivals.length > 2 ? [`${rivals.length - 2} more`] : [];
  const loss =
    regretBound === null ? 'at an unknown loss' : `at most ${percent(regretBound)} of the rate is lost`;
  return `${measured} did not tell it apart from ${listed([...named, ...more])}; ${loss} (95 %).`;
}

function nextBest(
  slower: readonly Eligible[],
  { name, measured }: { readonly name: Namer; readonly measured: string },
): string {
  const [next] = slower;
  if (next === undefined) return `No other measured configuration keeps the constraints (${measured}).`;
  if (next.ratio === null) return `That is clear after ${measured}: the others dropped out early.`;
  const second = `${name(next.cell)}, ${withInterval(next.ratio)} its rate`;
  return `That is clear after ${measured}: the next is ${second}.`;
}

function exceptions(
  decision: Decision,
  { strategies, isolated, name }: VerdictOptions & { readonly name: Namer },
): string[] {
  const { choice } = decision;
  const traits = strategies.find((strategy) => strategy.name === choice.strategy);
  const baseline = strategies.find((strategy) => strategy.baseline);
  const { break_even_documents: breakEven, startup_ms: startMs } = choice;
  const baselineIsAllowed = !decision.disqualified.some(({ cell }) => cell.strategy === baseline?.name);
  const found: string[] = [];
  if (baselineIsAllowed && !traits?.baseline && breakEven !== null && breakEven >= 2 && startMs !== null) {
    const documents = number(Math.ceil(breakEven));
    found.push(
      `Below ${documents} documents per start, \`${baseline?.name}\` is faster: ` +
        `the start takes ${number(startMs)} ms.`,
    );
  }
  if (isolated !== null && (traits?.isolation === 'none' || traits?.isolation === 'thread')) {
    const share = ratio(isolated.rate.mean / decision.rate.mean);
    found.push(`If a crash must not end the caller, use ${name(isolated.choice)} (${share} its rate).`);
  }
  return found;
}

function where({ choice }: Decision, { environment }: VerdictOptions): string {
  const corpus = environment.corpora.find(
    (entry) => entry.workload === choice.workload && entry.corpus === choice.corpus,
  );
  const sizes = corpus === undefined ? '' : `, documents of ${size(corpus.p5)} to ${size(corpus.p95)}`;
  const node = environment.node.version.split('.')[0];
  return `Measured on ${number(environment.cores.effective)} cores, Node ${node}${sizes}.`;
}

function percent(share: number): string {
  return `${number(100 * share)} %`;
}

/** Explains why nothing can be recommended: one line per configuration. */
export function noChoiceText(
  { disqualified, untested }: NoChoice,
  strategies: readonly StrategyTraits[],
): string {
  const name = namer(strategies, [...disqualified.map(({ cell }) => cell), ...untested]);
  return [
    'No measured configuration keeps the constraints:',
    ...disqualified.map(({ cell, reason }) => `  ${name(cell)}: ${reason}`),
    ...untested.map((cell) => `  ${name(cell)}: its loop delay was not measured`),
    ...(untested.length > 0 ? ['Only `forkwise pick --loop-delay` measures loop delays.'] : []),
    '',
  ]
    .join('\n')
    .replaceAll('`', '');
}
