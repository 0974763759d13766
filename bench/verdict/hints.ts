import { mean } from '../stats/estimate.js';
import { groupBy } from '../stats/group-by.js';
import { line } from '../stats/line.js';
import type { SummaryRow, TrialRow } from '../tables/columns.js';
import type { ComparisonRow } from '../tables/comparison-columns.js';
import type { Environment } from '../tables/environment.js';
import type { HintRow } from '../tables/situation-columns.js';
import { valid } from '../tables/summarise.js';
import { listed, number } from '../words/units.js';
import { familyOf } from './configurations.js';

export interface HintData {
  readonly environment: Environment;
  readonly trials: readonly TrialRow[];
  readonly summaries: readonly SummaryRow[];
  readonly comparisons: readonly ComparisonRow[];
  readonly complete: boolean;
}

/**
 * What a reader of the figures must know, what would make them better, and beliefs they contradict: warnings first, each
 * under a name that stays. The hints of a healthy run are few.
 */
export function hints(data: HintData): HintRow[] {
  const found = rules.flatMap((rule) => rule(data));
  return [
    ...found.filter(({ level }) => level === 'warning'),
    ...found.filter(({ level }) => level === 'note'),
  ];
}

/** Last day of support by major version, from the schedule in github.com/nodejs/Release. A major that is missing gets no hint. */
const nodeEnds: Readonly<Record<string, string>> = {
  20: '2026-04-30',
  21: '2024-06-01',
  22: '2027-04-30',
  23: '2025-06-01',
  24: '2028-04-30',
  25: '2026-06-01',
};

/** Every hint there is, and when it comes. The names are stable. */
export const hintNames = {
  interrupted: 'the run did not reach its end',
  'failed-trials': 'a strategy failed, or its results differed',
  'failed-documents': 'the task itself failed on some documents',
  'not-deterministic': 'the task gives different results for the same document',
  'throttled-trials': 'a CPU quota stopped trials',
  'void-trials':
    'trials were measured again because something else disturbed them; a warning above one in ten',
  drift: 'rates changed by more than 3 % from the first round to the last',
  'noise-floor': 'a cell differs from itself so much that the margin is wider than 3 %',
  'no-baseline': '`sequential` has no valid trial somewhere',
  'few-rounds': 'the profile makes no verdicts',
  inconclusive: 'comparisons with the fastest that more rounds may settle',
  'narrow-corpus': 'documents of one size only',
  'quota-below-cores': 'the CPU quota is less than the cores that Node sees',
  'one-core': 'work that computes on less than two effective cores',
  'node-end-of-life': 'the Node that was measured gets no more security fixes',
  'promises-are-not-parallel': '`async` gains less than 5 % on work that computes',
} as const;

type Rule = (data: HintData) => HintRow[];

const rules: readonly Rule[] = [
  interrupted,
  failedTrials,
  failedDocuments,
  notDeterministic,
  throttled,
  voidTrials,
  drift,
  noiseFloor,
  noBaseline,
  fewRounds,
  inconclusive,
  narrowCorpus,
  quota,
  oneCore,
  nodeEnd,
  promises,
];

function warning(id: keyof typeof hintNames, text: string, remedy: string): HintRow {
  return { id, level: 'warning', text, remedy };
}

function note(id: keyof typeof hintNames, text: string, remedy: string): HintRow {
  return { id, level: 'note', text, remedy };
}

function interrupted({ complete }: HintData): HintRow[] {
  return complete
    ? []
    : [
        warning(
          'interrupted',
          'the run was interrupted: it holds what was measured until then',
          'go on with forkwise bench --resume and its folder',
        ),
      ];
}

function failedTrials({ trials }: HintData): HintRow[] {
  const failed = trials.filter(({ status }) => status === 'failed');
  const [first] = failed;
  if (first === undefined) return [];
  const where = `${first.workload} ${first.corpus} ${first.strategy} × ${first.workers}`;
  return [
    warning(
      'failed-trials',
      `${failed.length} of ${trials.length} trials failed, first ${where}: ${first.reason ?? 'no reason recorded'}`,
      'see the reasons in trials.csv; a cell without a valid trial has no figures',
    ),
  ];
}

function failedDocuments({ trials }: HintData): HintRow[] {
  return [...groupBy(trials, familyOf).values()].flatMap((family) => {
    const { workload, corpus, documents } = family[0] as TrialRow;
    const failed = Math.max(
      0,
      ...family
        .filter(({ status }) => status === 'ok')
        .map(({ outcomes_failed, passes }) => (outcomes_failed ?? 0) / (passes ?? 1)),
    );
    if (failed === 0) return [];
    return [
      warning(
        'failed-documents',
        `${workload} failed on ${Math.ceil(failed)} of ${documents} documents (${corpus}); its rates count them as done`,
        'mend the task or leave those documents out',
      ),
    ];
  });
}

function notDeterministic({ trials }: HintData): HintRow[] {
  const contradicted = trials.filter(
    ({ strategy, digest_matches }) => strategy === 'sequential' && digest_matches === false,
  );
  return [...groupBy(contradicted, familyOf).values()].map(([trial]) => {
    const { workload, corpus } = trial as TrialRow;
    return warning(
      'not-deterministic',
      `${workload} gave different results for the same document one after the other (${corpus}): it is not deterministic`,
      'export a digest() of what must be equal',
    );
  });
}

function throttled({ trials }: HintData): HintRow[] {
  const stopped = trials.filter(({ quota_limited }) => quota_limited === true).length;
  if (stopped === 0) return [];
  return [
    warning(
      'throttled-trials',
      `a CPU quota stopped ${stopped} of ${trials.length} trials`,
      'give the container more CPU, or take the figures as those of this quota',
    ),
  ];
}

function voidTrials({ trials }: HintData): HintRow[] {
  const voided = trials.filter(({ status }) => status === 'void');
  const [first] = voided;
  if (first === undefined) return [];
  const text = `${voided.length} of ${trials.length} trials were void and measured again, first because ${first.reason ?? 'no reason was recorded'}`;
  const remedy = 'end what else runs on the machine; forkwise doctor says whether it is fit';
  return [
    voided.length > 0.1 * trials.length
      ? warning('void-trials', text, remedy)
      : note('void-trials', text, remedy),
  ];
}

/** A slope of the rates over the rounds, each against its cell's mean, that comes to more than 3 % and is no chance. */
function drift({ trials }: HintData): HintRow[] {
  const cells = groupBy(
    trials.filter(({ twin }) => twin === null).filter(valid),
    ({ workload, corpus, strategy, workers, delivery }) =>
      JSON.stringify([workload, corpus, strategy, workers, delivery]),
  );
  const points = [...cells.values()].flatMap((cell) => {
    const middle = mean(cell.map(({ documents_per_second }) => Math.log(documents_per_second)));
    return cell.map(({ round, documents_per_second }) => ({
      x: round,
      y: Math.log(documents_per_second) - middle,
    }));
  });
  const fitted = line(points);
  const rounds = points.reduce((most, { x }) => Math.max(most, x), 0);
  if (fitted === null || rounds < 3 || Math.abs(fitted.slope) < fitted.slopeHalfWidth) return [];
  const change = Math.exp(fitted.slope * (rounds - 1)) - 1;
  if (Math.abs(change) < 0.03) return [];
  return [
    warning(
      'drift',
      `rates ${change > 0 ? 'rose' : 'fell'} by ${number(100 * Math.abs(change))} % from the first round to the last`,
      'ratios are paired within rounds and stay fair; take the rates themselves with care',
    ),
  ];
}

function noiseFloor({ comparisons }: HintData): HintRow[] {
  const widest = comparisons
    .filter(({ reference }) => reference === 'A/A')
    .sort((a, b) => b.margin - a.margin)[0];
  if (widest === undefined || widest.margin <= 1.0301) return [];
  return [
    note(
      'noise-floor',
      `equal things differ so much here that only differences beyond ${number(100 * (widest.margin - 1))} % count (${widest.workload})`,
      'measure on a quieter machine, or with more rounds',
    ),
  ];
}

function noBaseline({ summaries }: HintData): HintRow[] {
  const without = [...groupBy(summaries, familyOf).values()].filter(
    (family) => !family.some(({ strategy, rounds }) => strategy === 'sequential' && rounds > 0),
  );
  if (without.length === 0) return [];
  const places = without.map((family) => `${family[0]?.workload} ${family[0]?.corpus}`);
  return [
    warning(
      'no-baseline',
      `sequential has no valid trial for ${listed(places)}: no speed-up can be told`,
      'measure sequential, too',
    ),
  ];
}

function fewRounds({ environment, trials }: HintData): HintRow[] {
  const rounds = new Set(trials.map(({ round }) => round)).size;
  if (environment.claims === 'verdicts' || rounds === 0) return [];
  return [
    note(
      'few-rounds',
      `${rounds} ${rounds === 1 ? 'round' : 'rounds'} of the profile ${environment.profile}: a suggestion at most`,
      'forkwise bench --profile standard measures until the intervals are narrow',
    ),
  ];
}

function inconclusive({ comparisons }: HintData): HintRow[] {
  const against = comparisons.filter(({ reference }) => reference === 'best');
  const open = against.filter(({ verdict }) => verdict === 'inconclusive');
  if (open.length === 0) return [];
  return [
    note(
      'inconclusive',
      `${open.length} of ${against.length} comparisons with the fastest are inconclusive`,
      'more rounds may settle them: more_rounds in comparisons.csv says how many',
    ),
  ];
}

function narrowCorpus({ summaries }: HintData): HintRow[] {
  const narrow = [...groupBy(summaries, ({ workload }) => workload).entries()].filter(
    ([, rows]) =>
      new Set(rows.map(({ corpus }) => corpus)).size === 1 &&
      !['docs', 'mixed'].includes(rows[0]?.corpus as string),
  );
  if (narrow.length === 0) return [];
  return [
    note(
      'narrow-corpus',
      `${listed(narrow.map(([workload]) => workload))} saw documents of one size only: where the answer flips with size is not known`,
      'give --sizes of several magnitudes, or --docs with your own documents',
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
  return [
    note(
      'one-core',
      `with ${number(cores.effective)} effective ${cores.effective === 1 ? 'core' : 'cores'} work that computes gains nothing from workers`,
      'measure where the work will run',
    ),
  ];
}

function nodeEnd({ environment: { node, started_at } }: HintData): HintRow[] {
  const major = node.version.split('.')[0] as string;
  const end = nodeEnds[major];
  if (end === undefined || started_at.slice(0, 10) <= end) return [];
  return [
    note(
      'node-end-of-life',
      `Node ${major} has had no security fixes since ${end}`,
      'measure on a Node that is supported, then ship that',
    ),
  ];
}

/** Promises alone do not make computing parallel; where libuv's own threads do the work they do, and this says nothing. */
function promises({ summaries }: HintData): HintRow[] {
  const rows = summaries.filter(
    ({ strategy, kind, workers }) => strategy === 'async' && kind === 'cpu' && workers > 1,
  );
  return [...groupBy(rows, ({ workload }) => workload).entries()].flatMap(([workload, cells]) => {
    const best = cells
      .filter(({ speedup }) => speedup !== null)
      .sort((a, b) => (b.speedup as number) - (a.speedup as number))[0];
    if (best === undefined || (best.speedup as number) > 1.05) return [];
    return [
      note(
        'promises-are-not-parallel',
        `async comes to ${(best.speedup as number).toFixed(2)}× sequential at best on ${workload}: promises do not make computing parallel`,
        'use worker threads or processes for work that computes',
      ),
    ];
  });
}
