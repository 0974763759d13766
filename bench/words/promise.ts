import type { Decision } from '../pick/decide.js';
import type { RunPromise, Width } from '../pick/promise.js';
import type { CorpusCosts } from '../tables/environment.js';
import { memoryOf } from '../tables/memory.js';
import { listed, megabytes, number, size } from './units.js';

/** Says what to expect of a new run, and why its range is wide. */
export function promiseSentences({ choice, rate }: Decision, costs: CorpusCosts | null): string[] {
  const memory = memoryOf(choice);
  const range =
    rate.low === null || rate.high === null ? '' : ` (${number(rate.low)} to ${number(rate.high)})`;
  const uses = memory === null ? '' : `, in ${megabytes(memory)} of memory`;
  if (rate.low !== null && rate.high !== null && rate.high / rate.low > maxSpread)
    return [
      reached(choice, rate, uses),
      `A new run may reach ${number(rate.low)} to ${number(rate.high)} documents/s. ` +
        'That is too wide to plan with.',
      ...width(rate, costs),
    ];
  if (costs?.remembers)
    return [
      reached(choice, rate, uses),
      'The task remembers results, so each document was measured once per process, and nothing is promised.',
    ];
  if (rate.low === null) return [reached(choice, rate, uses)];
  const once = rate.cold === null || rate.cold.isCovered ? '' : ' once its code is warm';
  return [
    `Expect ${number(rate.mean)} documents/s${range} of a new run over all documents${once}${uses}.`,
    ...beside(choice, costs),
    ...width(rate, costs),
    ...(rate.risePercent === null ? [] : [warming(rate.risePercent)]),
    ...coldRun(rate, costs),
  ];
}

/** If its ends differ by more than this factor, a range is no promise. */
const maxSpread = 10;

/** Says what the trials reached, and what that is for all documents if it is not the same. */
function reached({ documents_per_second: own }: Chosen, { mean }: RunPromise, uses: string): string {
  const measured = own ?? mean;
  const all = isSame(measured, mean) ? '' : `, which is ${number(mean)} for documents of the mean cost`;
  return `It reached ${number(measured)} documents/s${all}${uses}.`;
}

/** Says why the trials had another rate than a new run is expected to have. */
function beside({ documents_per_second: own }: Chosen, costs: CorpusCosts | null): string[] {
  if (own === null || costs === null || isSame(costs.pass_mean_ms, costs.folder_mean_ms)) return [];
  const cost = costs.pass_mean_ms > costs.folder_mean_ms ? 'more' : 'less';
  return [`Its trials reached ${number(own)}/s: their documents cost ${cost} than the mean of all.`];
}

type Chosen = Decision['choice'];

/** Two values that differ by less are about the same. */
const sameRate = 0.03;

function isSame(one: number, other: number): boolean {
  return Math.abs(one / other - 1) < sameRate;
}

function warming(percent: number): string {
  return `Its rate still rose by ${number(percent)} % within the trials: a long run may be faster.`;
}

/** Says what a program reaches that runs the folder once and ends. */
function coldRun({ cold }: RunPromise, costs: CorpusCosts | null): string[] {
  if (cold === null || costs === null) return [];
  const { folder_documents: count } = costs;
  const documents = count === 1 ? 'this document' : `these ${number(count)} documents`;
  return [
    `A program that has just started reaches about ${number(cold.mean)}/s, perhaps more, ` +
      `over ${documents}: its code is cold at first.`,
  ];
}

function width({ wideBecause }: RunPromise, costs: CorpusCosts | null): string[] {
  if (wideBecause === null) return [];
  const documents =
    costs === null
      ? ''
      : `: ${number(costs.surveyed_documents)} of ${number(costs.folder_documents)} were timed`;
  const reasons: Record<Width, string> = {
    trials: 'the trials differed much from each other',
    sampling: `the documents differ much in what they cost${documents}`,
    end: 'workers wait long for the last document of a run',
    warming: 'the rate had not settled',
    cold: 'the code of a new run is cold for long',
  };
  return [`That range is wide because ${reasons[wideBecause]}.`];
}

/** Names the documents that are in the costs but not in the passes. */
export function setApartText({ set_apart: apart }: CorpusCosts): string[] {
  if (apart.length === 0) return [];
  const shown = apart
    .slice(0, 3)
    .map(({ id, bytes, ms }) => `${id} (${size(bytes)}${ms === null ? '' : `, ${number(ms)} ms`})`);
  const more = apart.length > 3 ? [`${apart.length - 3} more`] : [];
  return [`Too large or expensive for the passes, so timed alone: ${listed([...shown, ...more])}.`];
}
