import { mean, meanInterval } from '../../stats/estimate.js';
import { groupBy } from '../../stats/group-by.js';
import { line } from '../../stats/line.js';
import { rowName } from '../../tables/series.js';
import type { HintRow } from '../../tables/situation-columns.js';
import { isOk } from '../../tables/trial-columns.js';
import { coldText } from '../../words/cold.js';
import { shortNamer } from '../../words/configuration.js';
import { counted, number, percent } from '../../words/units.js';
import { configurationName, familyOf, isBaseline } from '../configurations.js';
import { failedShare } from '../failed-documents.js';
import { type HintData, note, type Rule, warning } from './hint.js';

/** Hints about the trials themselves: what stopped, failed, disturbed or changed them. */
export const trialHints: readonly Rule[] = [
  interrupted,
  busy,
  failedTrials,
  failedDocuments,
  notDeterministic,
  throttled,
  voidTrials,
  drift,
  noiseFloor,
  stillWarming,
  coldCode,
  nestedPool,
];

function interrupted({ ending, trials, environment }: HintData): HintRow[] {
  if (ending === 'complete') return [];
  if (ending === 'between rounds') {
    const rounds = new Set(trials.map(({ round }) => round)).size;
    const asked = counted(environment.plan.rounds_least, 'round');
    return [
      warning(
        'interrupted',
        `the run ended after ${rounds} of ${asked}, by its budget or a signal`,
        'continue with forkwise bench --resume and its folder, and a longer --budget if that ended it',
      ),
    ];
  }
  return [
    warning(
      'interrupted',
      'the run was interrupted: it holds what was measured until then',
      'continue with forkwise bench --resume and its folder',
    ),
  ];
}

function busy({ conclusions }: HintData): HintRow[] {
  const places = conclusions.filter((conclusion) => conclusion.busy);
  const [first] = places;
  if (first === undefined) return [];
  return [
    warning(
      'busy',
      `other processes disturbed trials that had to be kept, first of ${first.workload} ${first.corpus}`,
      'end what else runs on the machine, or wait for it with --wait-quiet',
    ),
  ];
}

function failedTrials({ trials }: HintData): HintRow[] {
  const failed = trials.filter((trial) => trial.status === 'failed');
  const [first] = failed;
  if (first === undefined) return [];
  const { workload, corpus, reason } = first;
  const where = `${workload} ${corpus} ${rowName(first)}`;
  return [
    warning(
      'failed-trials',
      `${failed.length} of ${counted(trials.length, 'trial')} failed, first ${where}: ${reason}`,
      'see the reasons in trials.csv; a cell without a valid trial has no figures',
    ),
  ];
}

function failedDocuments({ trials }: HintData): HintRow[] {
  return [...groupBy(trials, familyOf).values()].flatMap((family) => {
    const [{ workload, corpus }] = family;
    const share = failedShare(family);
    if (share === 0) return [];
    return [
      warning(
        'failed-documents',
        `${workload} failed on ${percent(share)} of the documents (${corpus}); its rates count them as done`,
        'mend the task or leave those documents out',
      ),
    ];
  });
}

function notDeterministic({ trials, strategies }: HintData): HintRow[] {
  const contradicted = trials.filter(
    (trial) => isBaseline(strategies, trial) && trial.digest_matches === false,
  );
  return [...groupBy(contradicted, familyOf).values()].map(([{ workload, corpus }]) =>
    warning(
      'not-deterministic',
      `${workload} is not deterministic: a document had different results one after the other (${corpus})`,
      'export a digest() of what must be equal',
    ),
  );
}

function throttled({ trials }: HintData): HintRow[] {
  const stopped = trials.filter(({ quota_limited }) => quota_limited === true).length;
  if (stopped === 0) return [];
  return [
    warning(
      'throttled-trials',
      `a CPU quota stopped ${stopped} of ${counted(trials.length, 'trial')}`,
      'give the container more CPU, or take the figures as those of this quota',
    ),
  ];
}

function voidTrials({ trials }: HintData): HintRow[] {
  const voided = trials.filter((trial) => trial.status === 'void');
  const [first] = voided;
  if (first === undefined) return [];
  // A void trial that was kept is in the table twice: as it was measured, and as the one that counts.
  const kept = trials.filter((trial) => trial.busy === true).length;
  const measured = trials.length - kept;
  const rest = kept === 0 ? 'all were repeated' : `${kept} had to be kept, for lack of time to repeat them`;
  const count = `${voided.length} of ${counted(measured, 'trial')}`;
  const text = `${count} were void, first because ${first.reason}; ${rest}`;
  const remedy = 'end what else runs on the machine; forkwise doctor says whether it is fit';
  const level = voided.length > 0.1 * measured ? warning : note;
  return [level('void-trials', text, remedy)];
}

/** A smaller change over a run has no practical use. */
const minDrift = 0.03;

/**
 * Fits a line to the rates over the rounds, each rate relative to its cell's mean. Reports a slope beyond
 * chance.
 */
function drift({ trials }: HintData): HintRow[] {
  const cells = groupBy(
    trials.filter(({ twin }) => twin === null).filter(isOk),
    (trial) => familyOf(trial) + configurationName(trial),
  );
  const points = [...cells.values()].flatMap((cell) => {
    const logs = cell.map((trial) => ({ x: trial.round, y: Math.log(trial.documents_per_second) }));
    const middle = mean(logs.map(({ y }) => y));
    return logs.map(({ x, y }) => ({ x, y: y - middle }));
  });
  const fitted = line(points);
  const rounds = points.reduce((most, { x }) => Math.max(most, x), 0);
  if (fitted === null || rounds < 3 || Math.abs(fitted.slope) < fitted.slopeHalfWidth) return [];
  const change = Math.exp(fitted.slope * (rounds - 1)) - 1;
  if (Math.abs(change) < minDrift) return [];
  const verb = change > 0 ? 'rose' : 'fell';
  return [
    warning(
      'drift',
      `rates ${verb} by ${number(100 * Math.abs(change))} % from the first round to the last`,
      'ratios are paired within rounds and stay fair; take the rates themselves with care',
    ),
  ];
}

/** The practical margin, and a little for rounding. */
const usualMargin = 1.0301;

function noiseFloor({ comparisons }: HintData): HintRow[] {
  const [widest] = comparisons
    .filter(({ reference }) => reference === 'A/A')
    .sort((a, b) => b.margin - a.margin);
  if (widest === undefined || widest.margin <= usualMargin) return [];
  const percent = number(100 * (widest.margin - 1));
  return [
    note(
      'noise-floor',
      `equal things differ so much here that only differences beyond ${percent} % count (${widest.workload})`,
      'measure on a quieter machine, or with more rounds',
    ),
  ];
}

/** A smaller rise makes no difference that matters, percent. */
const minRisePercent = 3;

/**
 * Code that is still being compiled gets faster, so a rate that rises within the trials is that of cold code.
 */
function stillWarming({ trials, strategies }: HintData): HintRow[] {
  const cells = groupBy(
    trials.filter((trial) => trial.twin === null && isOk(trial)),
    (trial) => `${familyOf(trial)} ${configurationName(trial)}`,
  );
  const rising = [...cells.values()].filter((cell) => {
    const rises = cell.map((trial) => trial.rate_rise_percent).filter((rise) => rise !== null);
    if (rises.length < 3) return false;
    const { mean: middle, low } = meanInterval(rises);
    return low !== null && low > 0 && middle > minRisePercent;
  });
  const [first] = rising;
  if (first === undefined) return [];
  const [trial] = first;
  return [
    note(
      'still-warming',
      `rates still rose within the trials of ${rising.length} of ${cells.size} cells, ` +
        `first ${trial.workload} ${trial.corpus} ${shortNamer(strategies)(trial)}`,
      'a long run may be faster than these rates; measure with a longer profile',
    ),
  ];
}

/** Tasks that are slow to warm up are measured with cold code where the time is short. */
function coldCode({ environment: { corpora } }: HintData): HintRow[] {
  return corpora.flatMap((corpus) => {
    const text = coldText(corpus);
    if (text === null) return [];
    return [warning('cold-code', text, 'measure with a longer --time-budget or profile')];
  });
}

/** Node has this many threads in a process: its own, and four each for V8 and for libuv. */
const nodeThreads = 11;
/** UV_THREADPOOL_SIZE and other versions of Node may add some. */
const spareThreads = 5;

/** The baseline runs on one thread, so what it has beyond Node's own threads is the task's. */
function nestedPool({ trials, strategies }: HintData): HintRow[] {
  return [...groupBy(trials, ({ workload }) => workload)].flatMap(([workload, all]) => {
    const counts = all
      .filter((trial) => isOk(trial) && isBaseline(strategies, trial))
      .flatMap(({ threads_peak }) => threads_peak ?? []);
    const own = Math.min(...counts) - nodeThreads;
    if (counts.length === 0 || own < spareThreads) return [];
    const max = Math.max(...all.map(({ workers }) => workers));
    return [
      warning(
        'nested-pool',
        `${workload} has about ${own} threads of its own on one thread of ours, so ${max} workers ` +
          `have about ${max} × ${own} = ${max * own}`,
        'give the task a pool of one, or keep its pool and use one worker',
      ),
    ];
  });
}
