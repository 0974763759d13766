import { exitCode, UsageError } from '../../errors.js';
import { renderTable } from '../../report/console.js';
import { resultData, resultText } from '../../report/result.js';
import { sideBySide, sideBySideMarkdown } from '../../report/side-by-side.js';
import { Store } from '../../tables/store.js';
import { defaultProjection, findings } from '../../verdict/findings.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { allTraits, exitCodeOf, type PublishOptions, publish, summariseStep } from '../publish.js';
import { publishOverhead } from '../publish-overhead.js';
import { colorsFor, print } from '../terminal.js';

export interface ReportFlags {
  readonly json?: true;
  readonly project?: string;
  readonly deadline?: string;
  readonly png?: true;
  readonly interactive?: boolean;
}

/**
 * `forkwise report`: makes the tables, charts and reports of a run or a dispatch benchmark again from what
 * was measured. Several runs are shown side by side, and nothing is written. @returns the exit code
 */
export async function report(
  [run, ...others]: readonly [string, ...string[]],
  flags: ReportFlags,
): Promise<number> {
  if (others.length > 0) return await several([run, ...others], flags);
  const store = Store.open(run);
  if (store.has('overhead.csv')) {
    const [option] = Object.keys(flags);
    if (option !== undefined)
      throw new UsageError(`--${option} is for the report of a run, and "${run}" holds a dispatch benchmark`);
    print(await publishOverhead(store));
    return exitCode.ok;
  }
  const found = await publish(store, publishOptions(flags));
  print(
    flags.json
      ? `${JSON.stringify(resultData(found, store.folder), null, 2)}\n`
      : resultText(found, {
          folder: store.folder,
          colors: colorsFor(process.stdout),
          columns: process.stdout.columns,
        }),
  );
  return exitCodeOf(found);
}

function publishOptions({ project, deadline, png, interactive }: ReportFlags): PublishOptions {
  const projection = {
    ...defaultProjection,
    ...(project === undefined ? {} : { documents: parseCount(project, '--project') }),
    ...(deadline === undefined ? {} : { deadlineHours: parseDuration(deadline, '--deadline') / 3600e3 }),
  };
  return { projection, png: png === true, interactive };
}

/** @throws UsageError if two folders are the same run, or one holds a dispatch benchmark */
async function several(runs: readonly string[], { json, ...flags }: ReportFlags): Promise<number> {
  const [option] = Object.keys(flags);
  if (option !== undefined)
    throw new UsageError(`--${option} is for the report of one run; several are only shown side by side`);
  const strategies = await allTraits();
  const found = runs.map((run) => {
    const store = Store.open(run);
    if (store.has('overhead.csv'))
      throw new UsageError(`"${run}": expected the folder of a run, but it holds a dispatch benchmark`);
    return findings(store.trials(), { environment: store.environment(), strategies });
  });
  const ids = found.map(({ environment }) => `${environment.run_id} ${environment.started_at}`);
  const twice = ids.findIndex((id, i) => ids.indexOf(id) !== i);
  if (twice >= 0)
    throw new UsageError(`"${runs[twice]}": expected each run once, but this one is listed twice`);
  const shown = sideBySide(found);
  summariseStep(sideBySideMarkdown(shown));
  const colors = colorsFor(process.stdout);
  print(
    json
      ? `${JSON.stringify(shown.data, null, 2)}\n`
      : [
          renderTable(shown.runs, colors, process.stdout.columns),
          renderTable(shown.cells, colors, process.stdout.columns),
          `${colors.dim(shown.legend)}\n`,
        ].join('\n\n'),
  );
  return found.some(({ trials }) => trials.some(({ status }) => status === 'ok'))
    ? exitCode.ok
    : exitCode.failed;
}
