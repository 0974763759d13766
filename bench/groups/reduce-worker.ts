import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { nameSources } from '../../workloads/source-stack.js';
import { jsonOf } from '../job/json.js';
import { wholeLines } from '../job/whole-lines.js';
import type { ReduceWorkerData, Reduction } from './reduce.js';

/** A worker thread that loads the module of a reduction, and runs it over the outcomes. */

const { url, reduction } = workerData as ReduceWorkerData;

/** The outcomes, as their lines say. */
async function* outcomes(files: Reduction['files']): AsyncGenerator<unknown> {
  for (const file of files) {
    const opened = openSync(file, 'r');
    try {
      for (const { text } of wholeLines(opened)) yield JSON.parse(text);
    } finally {
      closeSync(opened);
    }
  }
}

async function result(): Promise<string> {
  const { default: reducer } = (await import(url)) as { default?: unknown };
  if (typeof reducer !== 'function')
    throw new Error(
      'expected its default export to be a function of the outcomes, ' +
        `got ${reducer === undefined ? 'none' : `a value of type ${typeof reducer}`}`,
    );
  if (reduction === null) return '';
  const { files, group, options } = reduction;
  return jsonOf((await reducer(outcomes(files), { group, options })) ?? null);
}

try {
  parentPort?.postMessage(await result());
} catch (cause) {
  if (!(cause instanceof Error)) throw cause;
  const place = nameSources(cause);
  const kind = cause.name === 'Error' ? '' : `${cause.name}: `;
  throw new Error(`${kind}${cause.message}${place === null ? '' : ` (at ${place})`}`, { cause });
}
