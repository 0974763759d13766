import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { CorpusError } from '../../workloads/file-walk.js';
import { type FileList, formerId } from '../../workloads/files.js';
import { Output, type OutputOptions } from '../job/output.js';
import type { JobFile } from '../job/read.js';
import { docsOf } from '../job/sidecar.js';
import { quoted } from './folder.js';
import type { RunFlags } from './run-request.js';

/** A file of the job, or one that is known to be unreadable. */
export interface RunFile extends JobFile {
  readonly unreadable: Error | null;
}

/** The files in the order of their ids, without the job's own. */
export function filesOf(list: FileList, { out, pathIds }: { out: string; pathIds: boolean }): RunFile[] {
  const idOf = (file: { readonly id: string; readonly below: string }) =>
    pathIds ? formerId(list.typed, file.below) : file.id;
  const readable = list.files
    .filter(
      ({ path }) => !Output.owns(resolve(out), String(path)) && !Output.owns(realOut(out), String(path)),
    )
    .map((file) => ({ ...file, id: idOf(file), unreadable: null }));
  const unreadable = list.unreadable.map((file) => ({
    id: idOf(file),
    path: '',
    size: 0,
    mtimeMs: 0,
    unreadable: file.cause,
  }));
  const files = [...readable, ...unreadable];
  if (files.length === 0)
    throw new CorpusError(`--docs "${list.pattern}": expected files, found none but --out`);
  return files.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Documents are listed by their real paths. */
function realOut(out: string): string {
  const path = resolve(out);
  try {
    return join(realpathSync(dirname(path)), basename(path));
  } catch {
    return path; // its folder does not exist, so there is no document in it
  }
}

/** How `Output` recognizes results of version 0.1, and what it says of results that belong elsewhere. */
export function earlierIds(list: FileList, flags: RunFlags): Pick<OutputOptions, 'isEarlier' | 'goOn'> {
  const ids = new Set([...list.files, ...list.unreadable].map(({ below }) => formerId(list.typed, below)));
  return {
    isEarlier: (id) => ids.has(id),
    goOn(id) {
      const start = startFolder(id, [dirname(resolve(flags.out)), process.cwd()]);
      const folder = start === null ? '<the folder where it was started>' : quoted(start);
      const { task, docs: _docs, out, grace: _grace, changed: _changed, ...more } = flags;
      const given = { ...(task !== undefined && { task }), docs: docsOf(out), out: resolve(out), ...more };
      const words = Object.entries(given).flatMap(([name, value]) =>
        value === true ? [`--${name}`] : [`--${name}`, quoted(isPath(name) ? resolve(value) : value)],
      );
      return `go on there: cd ${folder} && forkwise run ${words.join(' ')}`;
    },
  };
}

const isPath = (flag: string) => flag === 'task' || flag === 'config';

/** The nearest folder at or above the given ones from which the path of a document leads to a file. */
function startFolder(id: string, folders: readonly string[]): string | null {
  for (const from of folders)
    for (let folder = from; ; folder = dirname(folder)) {
      if (existsSync(join(folder, id))) return folder;
      if (dirname(folder) === folder) break;
    }
  return null;
}
