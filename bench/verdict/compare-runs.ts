import { groupBy } from '../stats/group-by.js';
import { holm } from '../stats/paired.js';
import { type Welch, welch } from '../stats/welch.js';
import { type CellId, cellIdOf, cellKey, sameCell } from '../tables/cell.js';
import type { Environment } from '../tables/environment.js';
import { isOk, type TrialRow } from '../tables/trial-columns.js';
import { marginsOf, type Verdict, verdictOn } from './compare.js';

/** One cell that both runs have measured: rate of the second run ÷ rate of the first. */
export interface RunComparison extends CellId {
  readonly rounds: readonly [number, number];
  readonly ratio: number;
  readonly ratio_low: number;
  readonly ratio_high: number;
  readonly p_adjusted: number;
  readonly margin: number;
  readonly verdict: Verdict;
}

export interface Run {
  readonly environment: Environment;
  readonly trials: readonly TrialRow[];
}

/**
 * Each cell of the first run against the same one of the second. Rounds of different runs are no pairs, so
 * the intervals are Welch's; Holm goes over the cells. Cells with less than two rounds in either are left
 * out.
 */
export function compareRuns(first: Run, second: Run): RunComparison[] {
  const margins = [first, second].map(({ trials }) => marginsOf(trials));
  const cells = groupBy(first.trials.filter(({ twin }) => twin === null).filter(isOk), cellKey);
  const found = [...cells.values()].flatMap((trials) => {
    const [id] = trials;
    const others = second.trials.filter((trial) => trial.twin === null && sameCell(trial, id)).filter(isOk);
    const logs = [others, trials].map((rows) =>
      rows.map(({ documents_per_second }) => Math.log(documents_per_second)),
    );
    const [theirs = [], ours = []] = logs;
    return theirs.length < 2 || ours.length < 2
      ? []
      : [{ id, rounds: [ours.length, theirs.length] as const, test: welch(theirs, ours) }];
  });
  const ps = holm(found.map(({ test }) => test.p));
  return found.map(({ id, rounds, test }, i) => {
    const margin = Math.max(...margins.map((of) => of(id.workload)));
    return { ...cellIdOf(id), rounds, ...judged(test, { p: ps[i] as number, margin }) };
  });
}

/** Why two runs cannot be compared, in words; none when they can. */
export function differencesBetween(a: Environment, b: Environment): string[] {
  const corpora = ({ corpora }: Environment) =>
    new Map(corpora.map(({ workload, corpus, sha256 }) => [`${workload} ${corpus}`, sha256]));
  const theirs = corpora(b);
  const changed = [...corpora(a)]
    .filter(([name, hash]) => theirs.has(name) && theirs.get(name) !== hash)
    .map(([name]) => name);
  const sources = ({ corpora }: Environment) =>
    new Map(corpora.map(({ workload, corpus, source }) => [`${workload} ${corpus}`, source ?? 'memory']));
  const said = (what: string, x: unknown, y: unknown) =>
    x === y ? [] : [`${what}: ${x ?? 'unknown'} and ${y ?? 'unknown'}`];
  const major = ({ node }: Environment) => node.version.split('.')[0];
  return [
    ...said('CPU', a.machine.cpu_model, b.machine.cpu_model),
    ...said('effective cores', a.cores.effective, b.cores.effective),
    ...said('memory', a.machine.memory_bytes, b.machine.memory_bytes),
    ...said('Node major', major(a), major(b)),
    ...[...sources(a)].flatMap(([name, source]) => {
      const other = sources(b).get(name);
      return other === undefined ? [] : said(`where the documents of ${name} are`, source, other);
    }),
    ...changed.map((name) => {
      const marked = [corpora(a), theirs].map((hashes) => hashes.get(name)?.startsWith('v2:'));
      const reason = marked[0] === marked[1] ? '' : ' (an earlier version hashed them in another way)';
      return `the documents of ${name}${reason}`;
    }),
  ];
}

function judged({ difference, low, high }: Welch, { p, margin }: { p: number; margin: number }) {
  return {
    ratio: Math.exp(difference),
    ratio_low: Math.exp(low),
    ratio_high: Math.exp(high),
    p_adjusted: p,
    margin: Math.exp(margin),
    verdict: verdictOn({ low, high, p, margin }),
  };
}
