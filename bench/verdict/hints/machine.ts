import { groupBy } from '../../stats/group-by.js';
import { endOfLife } from '../../tables/node-end-of-life.js';
import type { HintRow } from '../../tables/situation-columns.js';
import type { SummaryRow } from '../../tables/summary-columns.js';
import { shortNamer } from '../../words/configuration.js';
import { counted, number, ratio } from '../../words/units.js';
import { type BeyondCores, baselineCellOf, beyondCores } from '../beyond-cores.js';
import { type HintData, note, type Rule, warning } from './hint.js';

/** Hints about the machine, and beliefs about it that the figures contradict. */
export const machineHints: readonly Rule[] = [unexplained, kernelTime, quota, oneCore, nodeEnd, promises];

function findBeyondCores({ summaries, strategies }: HintData): BeyondCores[] {
  return summaries.flatMap(
    (cell) => beyondCores(cell, baselineCellOf(cell, { cells: summaries, strategies })) ?? [],
  );
}

function unexplained(data: HintData): HintRow[] {
  const found = findBeyondCores(data).filter(({ explained }) => !explained);
  const first = found[0]?.cell;
  if (first === undefined) return [];
  const name = `${shortNamer(data.strategies)(first)} at ${first.workload} ${first.corpus}`;
  const gain = ratio(first.speedup ?? 0);
  const [count, end] =
    found.length === 1
      ? ['1 configuration is faster than its', 'this configuration is']
      : [`${found.length} configurations are faster than their`, 'these configurations are'];
  return [
    warning(
      'beyond-cores',
      `${count} cores allow, first ${name} (${gain})`,
      `find out what sequential does slower here; ${end} not suggested`,
    ),
  ];
}

function kernelTime(data: HintData): HintRow[] {
  const [first] = findBeyondCores(data)
    .filter(({ explained }) => explained)
    .sort((a, b) => (b.cell.speedup ?? 0) - (a.cell.speedup ?? 0));
  if (first === undefined) return [];
  const { cell, baseline } = first;
  const system = ({ cpu_system_ms_per_document: ms }: SummaryRow) => number(ms ?? 0);
  return [
    note(
      'kernel-time',
      `${baseline.strategy} spends ${system(baseline)} of ` +
        `${number(baseline.cpu_ms_per_document ?? 0)} ms of CPU time a document in the kernel at ` +
        `${cell.workload} ${cell.corpus}, ${shortNamer(data.strategies)(cell)} spends ${system(cell)} ms, ` +
        `so it gains more than its cores (${ratio(cell.speedup ?? 0)})`,
      'where native code frees large blocks, MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ of ' +
        '268435456 (glibc) keep them in the process',
    ),
  ];
}

function quota({ environment: { cores } }: HintData): HintRow[] {
  if (cores.quota === null || cores.quota >= cores.available) return [];
  return [
    note(
      'quota-below-cores',
      `os.availableParallelism() says ${cores.available}, the CPU quota leaves ${number(cores.quota)}`,
      'size pools by the quota',
    ),
  ];
}

function oneCore({ environment: { cores }, summaries }: HintData): HintRow[] {
  if (cores.effective >= 2 || !summaries.some(({ kind }) => kind === 'cpu')) return [];
  const words = counted(cores.effective, 'effective core');
  return [
    note(
      'one-core',
      `with ${words} work that computes cannot gain from workers`,
      'measure where the work will run',
    ),
  ];
}

function nodeEnd({ environment: { node, started_at } }: HintData): HintRow[] {
  const end = endOfLife(node.version);
  if (end === null || started_at.slice(0, 10) <= end) return [];
  return [
    note(
      'node-end-of-life',
      `Node ${node.version.split('.')[0]} has had no security fixes since ${end}`,
      'measure on a Node that is supported, then ship that',
    ),
  ];
}

/** A gain of at least this much shows that the work runs on libuv's threads, where promises do help. */
const maxGain = 1.05;

/** Promises alone do not make computing parallel. Says nothing where the work runs on libuv's threads. */
function promises({ summaries, strategies }: HintData): HintRow[] {
  const onOneThread = strategies
    .filter(({ concurrency }) => concurrency === 'in flight')
    .map(({ name }) => name);
  const rows = summaries.filter(
    ({ strategy, kind, workers }) => onOneThread.includes(strategy) && kind === 'cpu' && workers > 1,
  );
  return [
    ...groupBy(rows, ({ workload, strategy }) => JSON.stringify([workload, strategy])).values(),
  ].flatMap((cells) => {
    const gains = cells.map(({ speedup }) => speedup).filter((speedup) => speedup !== null);
    const best = Math.max(...gains);
    if (gains.length === 0 || best > maxGain) return [];
    const { strategy = '', workload = '' } = cells[0] ?? {};
    return [
      note(
        'promises-are-not-parallel',
        `${strategy} is ${ratio(best)} sequential on ${workload}: promises do not make computing parallel`,
        'use worker threads or processes for work that computes',
      ),
    ];
  });
}
