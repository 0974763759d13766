import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { jsonOf } from '../job/json.js';
import { wholeLines } from '../job/whole-lines.js';
import type { Reduction } from './reduce.js';

/** A worker thread that runs the module of one reduction. */

const { url, files, group, options } = workerData as Reduction;

/** The outcomes, as their lines say. */
async function* outcomes(): AsyncGenerator<unknown> {
  for (const file of files) {
    const opened = openSync(file, 'r');
    try {
      for (const { text } of wholeLines(opened)) yield JSON.parse(text);
    } finally {
      closeSync(opened);
    }
  }
}

const { default: module } = (await import(url)) as {
  default: (outcomes: AsyncIterable<unknown>, context: object) => unknown;
};
parentPort?.postMessage(jsonOf((await module(outcomes(), { group, options })) ?? null));
