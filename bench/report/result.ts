import { join } from 'node:path';
import type { Colors } from 'picocolors/types.js';
import type { Findings } from '../verdict/findings.js';
import { stagedData } from '../verdict/fused.js';
import { adviceByWorkload } from '../words/advice.js';
import { shortNamer } from '../words/configuration.js';
import { fusedByWorkload } from '../words/fused.js';
import { notMeasuredSentences } from '../words/not-measured.js';
import { sourceSentence } from '../words/source.js';
import { consoleReport } from './console.js';
import { environmentLine } from './markdown.js';

/** A run ends with text for a person on standard output, or with data. */

/** Failed trials that are printed one by one. */
const maxFailures = 5;

export function resultText(
  found: Findings,
  { folder, colors, columns }: { folder: string; colors: Colors; columns: number | undefined },
): string {
  const { environment, trials, conclusions, hints, strategies } = found;
  const name = shortNamer(strategies, trials);
  const failed = trials.filter(({ status }) => status === 'failed');
  const lines = failed
    .slice(0, maxFailures)
    .map((trial) => `failed: ${trial.workload} ${trial.corpus} ${name(trial)}: ${trial.reason}`);
  if (failed.length > maxFailures)
    lines.push(`… and ${failed.length - maxFailures} more trials failed; see trials.csv`);
  return [
    '',
    conclusions.length === 0
      ? 'No trial was valid: nothing is shown.\n'
      : consoleReport(found, colors, columns),
    ...hints
      .filter(({ level, id }) => level === 'warning' && id !== 'failed-trials')
      .map(({ text, remedy }) => colors.yellow(`warning: ${text}; ${remedy}`)),
    ...lines.map((line) => colors.red(line)),
    ...notMeasuredSentences(environment, { strategies, measured: trials }).map((sentence) =>
      sentence.replaceAll('`', ''),
    ),
    ...[sourceSentence(environment)].filter((sentence) => sentence !== null),
    colors.dim(environmentLine(environment)),
    `Report, charts and results are in ${folder}; open ${join(folder, 'report.html')}`,
    '',
  ].join('\n');
}

export function resultData(
  { environment, summaries, conclusions, situations, hints, complete }: Findings,
  folder: string,
) {
  return {
    run_id: environment.run_id,
    folder,
    complete,
    conclusions: conclusions.map(
      ({ workload, corpus, source, choice, fastest, tied, confidence, staged }) => ({
        workload,
        corpus,
        source,
        choice,
        confidence,
        fastest,
        tied: tied.map(({ strategy, workers, per_worker }) => ({
          strategy,
          workers,
          ...(per_worker !== null && { per_worker }),
        })),
        ...(staged !== null && { stages: stagedData(staged) }),
      }),
    ),
    sentences: [...adviceByWorkload(conclusions).flat(), ...fusedByWorkload(conclusions)],
    situations,
    hints,
    summaries,
  };
}
