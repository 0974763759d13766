import { existsSync, realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import {
  CorpusError,
  FileWalk,
  type LeftOutCounts,
  nothingLeftOut,
  type WalkEntry,
} from '../../workloads/file-walk.js';
import { formerId } from '../../workloads/files.js';
import { OutFile, type OutFileOptions } from '../job/out-file.js';
import { docsOf } from '../job/sidecar.js';
import { quoted } from './folder.js';
import type { RunFlags, Target } from './run-request.js';

/** The files of a job: all that `--docs` selects, without the job's own. */
export class JobFiles {
  readonly #walk: FileWalk;
  readonly #target: Target;
  /** The path of the results, absolute: as it was given, and as documents are listed. */
  readonly #out: readonly string[];
  /** A walk that was begun in order to see whether there is a file at all. */
  #begun: {
    readonly first: readonly WalkEntry[];
    readonly rest: Iterator<readonly WalkEntry[]>;
    readonly leftOut: LeftOutCounts;
  } | null;

  /** @throws CorpusError when there is no file */
  constructor(docs: string, target: Target) {
    this.#walk = new FileWalk(docs);
    this.#target = target;
    this.#out = [...new Set([resolve(target.path), ...realPaths(target.path)])];
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
      throw new CorpusError(
        `--docs "${this.#walk.pattern}": expected files, found none but --${this.#target.kind}`,
      );
  }

  /** How `OutFile` recognizes results of version 0.1, and what it says of results that belong elsewhere. */
  earlierIds(flags: RunFlags): Pick<OutFileOptions, 'isEarlier' | 'goOn'> {
    const out = this.#target.path;
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
        const start = startFolder(id, [dirname(resolve(out)), process.cwd()]);
        const folder = start === null ? '<the folder where it was started>' : quoted(start);
        const {
          task,
          docs: _docs,
          out: _out,
          target: _target,
          order: _order,
          grace: _grace,
          changed: _changed,
          job: _job,
          ...more
        } = flags;
        const given = { ...(task !== undefined && { task }), docs: docsOf(out), out: resolve(out), ...more };
        const words = Object.entries(given).flatMap(([name, value]) =>
          value === true ? [`--${name}`] : [`--${name}`, quoted(isPath(name) ? resolve(value) : value)],
        );
        return `go on there: cd ${folder} && forkwise run ${words.join(' ')}`;
      },
    };
  }

  #owns(path: string): boolean {
    const { kind } = this.#target;
    for (const out of this.#out) {
      if (!path.startsWith(out)) continue;
      if (kind === 'out' ? OutFile.owns(out, path) : path.startsWith(`${out}${sep}`)) return true;
    }
    return false;
  }
}

function nextOf(batches: Iterator<readonly WalkEntry[]>): readonly WalkEntry[] | null {
  const next = batches.next();
  return next.done ? null : next.value;
}

/** The results as documents are listed, by real paths: a link itself, and the folder that it leads to. */
function realPaths(out: string): string[] {
  const path = resolve(out);
  return [join(realOr(dirname(path)), basename(path)), realOr(path)];
}

/** The path itself where there is nothing, so that there is no document in it. */
function realOr(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
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
