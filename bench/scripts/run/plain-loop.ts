import { closeSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Document } from '../../../workloads/workload.js';

/**
 * What `npm run bench:run` compares `forkwise run` with: the loop that one writes by hand. It reads one file
 * after the other, calls the task, and writes a line for each. Called with the task's file, the folder of the
 * documents, the file for the lines, and which part of the documents it takes, of how many.
 */
const [task = '', docs = '', out = '', part, parts] = process.argv.slice(2);
const { default: run } = (await import(pathToFileURL(task).href)) as {
  default(document: Document): unknown;
};

/** Lines are written together until they have this size, characters. */
const batch = 65_536;

const file = openSync(out, 'w');
let lines = '';
for (const [index, name] of readdirSync(docs).sort().entries()) {
  if (index % Number(parts) !== Number(part)) continue;
  const bytes = readFileSync(join(docs, name));
  const id = `${basename(docs)}/${name}`;
  const value = run({ index, id, size: bytes.length, bytes });
  lines += `${JSON.stringify({ id, status: 'ok', value })}\n`;
  if (lines.length < batch) continue;
  writeSync(file, lines);
  lines = '';
}
writeSync(file, lines);
closeSync(file);
