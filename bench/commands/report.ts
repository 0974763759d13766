import { exitCode } from '../errors.js';
import { resultData, resultText } from '../report/result.js';
import { Store } from '../results/store.js';
import { colorsFor, print } from '../terminal.js';
import { parseCount } from '../units.js';
import { defaultProjection } from '../verdict/findings.js';
import { exitCodeOf, publish } from './publish.js';
import { publishOverhead } from './publish-overhead.js';

/** `forkwise report`: makes everything that is derived from what a run, or a dispatch benchmark, has measured anew. @returns the exit code. */
export async function report(run: string, flags: { json?: true; project?: string }): Promise<number> {
  const store = Store.open(run);
  if (store.has('overhead.csv')) {
    print(await publishOverhead(store));
    return exitCode.ok;
  }
  const documents = flags.project === undefined ? defaultProjection.documents : parseCount(flags.project, '--project');
  const found = await publish(store, { ...defaultProjection, documents });
  print(
    flags.json
      ? `${JSON.stringify(resultData(found, store.folder), null, 2)}\n`
      : resultText(found, { folder: store.folder, colors: colorsFor(process.stdout) }),
  );
  return exitCodeOf(found);
}
