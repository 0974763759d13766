import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { WorkloadRef } from './workload.js';

export interface TaskFile {
  readonly ref: WorkloadRef;
  readonly file: string;
  readonly export: string;
  readonly sha256: string;
}

export async function compileTask(task: string | URL): Promise<TaskFile> {
  const file = resolve(String(task));
  return {
    ref: { name: basename(file).replace(/\.\w+$/, ''), url: pathToFileURL(file).href, options: {} },
    file,
    export: 'default',
    sha256: createHash('sha256').update(readFileSync(file)).digest('hex'),
  };
}
