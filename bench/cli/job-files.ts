import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import {
  CorpusError,
  FileWalk,
  type LeftOutCounts,
  nothingLeftOut,
  type WalkEntry,
} from '../../workloads/file-walk.js';
import { formerId } from '../../workloads/files.js';
import { Output, type OutputOptions } from '../job/output.js';
import { docsOf } from '../job/sidecar.js';
import { quoted } from './folder.js';
import type { RunFlags } from './run-request.js';

/** The files of a job: all that `--docs` selects, without the job's own. */
export class JobFiles {
  readonly #walk: FileWalk;
  readonly #out: readonly string[];
  /** A walk that was begun in order to see whether there is a file at all. */
  #begun: {
    readonly first: readonly WalkEntry[];
    readonly rest: Iterator<readonly WalkEntry[]>;
    readonly leftOut: LeftOutCounts;
  } | null;

  /** @throws CorpusError when there is no file */
  constructor({ docs, out }: Pick<RunFlags, 'docs' | 'out'>) {
    this.#walk = new FileWalk(docs);
    this.#out = [...new Set([resolve(out), realOut(out)])];
    const leftOut = nothingLeftOut();
    const rest = this.#walk.batches(leftOut);
    this.#begun = { first: rest.next().value as WalkEntry[], rest, leftOut };
  }

  get root(): string {
    return this.#walk.root;
  }

  /**
   * Walks through the files in the order of their paths, and gives them in arrays.
   * @param pathIds true for the ids of version 0.1
   * @param leftOut counts what is no document
   * @throws CorpusError at the end when there was none but the job's own
   */
  *all({
    pathIds,
    leftOut,
  }: {
    pathIds: boolean;
    leftOut: LeftOutCounts;
  }): Generator<readonly WalkEntry[], void, undefined> {
    // The first walk goes on with the one that was begun: listing a large folder takes its time.
    const begun = this.#begun;
    this.#begun = null;
    const rest = begun?.rest ?? this.#walk.batches(leftOut);
    let isEmpty = true;
    for (let batch = begun?.first ?? nextOf(rest); batch !== null; batch = nextOf(rest)) {
      const others = batch.filter(({ path }) => path === null || !this.#owns(String(path)));
      if (others.length === 0) continue;
      isEmpty = false;
      yield pathIds
        ? others.map((entry) => ({ ...entry, id: formerId(this.#walk.typed, entry.below) }))
        : others;
    }
    if (begun !== null) Object.assign(leftOut, begun.leftOut);
    if (isEmpty)
      throw new CorpusError(`--docs "${this.#walk.pattern}": expected files, found none but --out`);
  }

  /** How `Output` recognizes results of version 0.1, and what it says of results that belong elsewhere. */
  earlierIds(flags: RunFlags): Pick<OutputOptions, 'isEarlier' | 'goOn'> {
    let ids: Set<string> | null = null;
    return {
      isEarlier: (id) => {
        if (ids === null) {
          ids = new Set();
          for (const batch of this.all({ pathIds: true, leftOut: nothingLeftOut() }))
            for (const { id } of batch) ids.add(id);
        }
        return ids.has(id);
      },
      goOn(id) {
        const start = startFolder(id, [dirname(resolve(flags.out)), process.cwd()]);
        const folder = start === null ? '<the folder where it was started>' : quoted(start);
        const { task, docs: _docs, out, grace: _grace, changed: _changed, job: _job, ...more } = flags;
        const given = { ...(task !== undefined && { task }), docs: docsOf(out), out: resolve(out), ...more };
        const words = Object.entries(given).flatMap(([name, value]) =>
          value === true ? [`--${name}`] : [`--${name}`, quoted(isPath(name) ? resolve(value) : value)],
        );
        return `go on there: cd ${folder} && forkwise run ${words.join(' ')}`;
      },
    };
  }

  #owns(path: string): boolean {
    for (const out of this.#out) if (path.startsWith(out) && Output.owns(out, path)) return true;
    return false;
  }
}

function nextOf(batches: Iterator<readonly WalkEntry[]>): readonly WalkEntry[] | null {
  const next = batches.next();
  return next.done ? null : next.value;
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
