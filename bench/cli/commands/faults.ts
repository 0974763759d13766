import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import { exitCode, UsageError } from '../../errors.js';
import { faults as everyFault } from '../../faults/faults.js';
import { measureFault } from '../../faults/measure.js';
import { readEnvironment } from '../../measure/environment.js';
import { renderTable } from '../../report/console.js';
import { faultLegend, faultSentence, matrixTable } from '../../report/faults.js';
import { environmentLine, markdownTable } from '../../report/markdown.js';
import { encodeHeader, encodeRows } from '../../tables/csv.js';
import { type FaultRow, faultTable } from '../../tables/fault-columns.js';
import { Store } from '../../tables/store.js';
import { schema } from '../../tables/trial-columns.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { loadStrategies } from '../../trials/prepare.js';
import { type BenchFlags, namedStrategies } from '../../trials/request.js';
import { parseCount } from '../../words/parse.js';
import { commandLine, newRunFolder } from '../folder.js';
import { publish } from '../publish.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

const understood = ['faults', 'strategies', 'workers', 'out', 'resume', 'seed', 'json'];

/**
 * `forkwise bench --faults`: what each strategy survives. It leaves a folder of its own, or goes into that
 * of a run.
 * @returns the exit code: 4 when a document was lost, had two outcomes or a wrong one, or a caller died
 *   that need not have
 */
export async function faultMatrix(flags: BenchFlags, asked: Partial<BenchFlags>): Promise<number> {
  const other = Object.keys(asked).find((name) => !understood.includes(name));
  if (other !== undefined)
    throw new UsageError(
      `--faults goes with --strategies, --workers, --out, --resume and --json, not with --${other}`,
    );
  const chosen =
    flags.strategies === undefined
      ? strategies.filter(({ needsBroker }) => needsBroker !== true)
      : namedStrategies(flags.strategies, { strategies, peers });
  const workers = parseCount(flags.workers ?? '2', '--workers with --faults');
  const into = flags.resume === undefined ? null : Store.open(flags.resume);
  if (into?.has('faults.csv'))
    throw new UsageError(`"${flags.resume}": expected a run without faults.csv, and it has one already`);
  const store = into ?? Store.create(flags.out ?? newRunFolder());
  const helpers = new HelperProcesses();
  const signals = handleSignals({
    atOnce() {
      helpers.end();
      note('interrupted; a matrix is written when it is whole, so there is none');
    },
  });
  try {
    const rows: FaultRow[] = [];
    for (const loaded of await loadStrategies(chosen.map(({ url }) => url))) {
      for (const fault of everyFault) {
        const row = await measureFault(helpers, loaded, { fault, workers });
        rows.push(row);
        const { state, fault_status, lost, reason } = row;
        if (state !== 'not applicable')
          note(
            [
              `${row.strategy} · ${fault.name}: ${state}`,
              fault_status === null ? '' : `, ${fault_status}`,
              (lost ?? 0) > 0 ? `, ${lost} lost` : '',
              reason === null ? '' : ` (${reason})`,
            ].join(''),
          );
      }
    }
    await keep(store, rows, into !== null);
    const colors = colorsFor(process.stdout);
    print(
      flags.json
        ? `${JSON.stringify({ folder: store.folder, faults: rows }, null, 2)}\n`
        : [
            `\n${renderTable(matrixTable(rows), colors, process.stdout.columns)}\n`,
            `${faultSentence(rows)?.replaceAll('`', '') ?? ''}\n`,
            `${colors.dim(faultLegend)}\nThe matrix is in ${store.folder}\n`,
          ].join('\n'),
    );
    const bad = rows.some(
      ({ state, by_design }) => state === 'broken' || (state === 'caller lost' && !by_design),
    );
    return bad ? exitCode.failed : exitCode.ok;
  } finally {
    signals.end();
    helpers.end();
  }
}

async function keep(store: Store, rows: readonly FaultRow[], toRun: boolean): Promise<void> {
  if (!toRun) {
    const environment = await readEnvironment({
      schema,
      run_id: store.runId,
      command: commandLine(),
      seed: 1,
      profile: 'faults',
      claims: 'nothing',
      flags: {},
      plan: { trials_per_round: 0, rounds_least: 0, rounds_most: 0 },
      corpora: [],
    });
    store.write('environment.json', `${JSON.stringify(environment, null, 2)}\n`);
    const parts = [
      `# Fault matrix ${store.runId}`,
      faultSentence(rows) ?? '',
      markdownTable(matrixTable(rows)),
      faultLegend,
      environmentLine(environment),
    ];
    store.write('report.md', `${parts.join('\n\n')}\n`);
  }
  store.write('faults.csv', encodeHeader(faultTable) + encodeRows(faultTable, rows));
  if (toRun) await publish(store);
}
