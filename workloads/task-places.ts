import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * A compiled task names files: its own sources, whose places `import.meta.url` gives, and files of packages,
 * which are not bundled. On another machine they are elsewhere. A task that is compiled for another machine
 * therefore has a mark in the place of each name, and a list that says what each mark is. The other machine
 * finds the files and puts their names in.
 */
export interface Places {
  /** Names a file by its URL. @param importer the file that imports it, where it is a file of a package */
  url(path: string, importer?: string): string;
  /** Names a file or a folder by its path. */
  path(path: string, importer?: string): string;
}

/** Files have the names that they have here. */
export const thisMachine: Places = {
  url: (path) => pathToFileURL(path).href,
  path: (path) => path,
};

/** A file or a folder, wherever the task's project is. Paths have slashes on all systems. */
export type Place = OwnPlace | PackagePlace;

/** A file or a folder of the task's project. */
interface OwnPlace {
  /** Path from the project's folder; empty for that folder itself. */
  readonly own: string;
}

/** A file of a package. */
interface PackagePlace {
  readonly name: string;
  readonly version: string;
  /** Path in the package's folder. */
  readonly file: string;
  /** Path of the file that imports it, from the project's folder. */
  readonly from: string;
}

/** A package that a task needs, and that is not bundled. */
export type Package = Pick<PackagePlace, 'name' | 'version'>;

/** Writes a mark for each file, and remembers which file it is. */
export class MarkedPlaces implements Places {
  readonly #places = new Map<string, Place>();
  readonly #project: string;
  readonly #entry: string;

  /** @param entry the task's own file */
  constructor(entry: string) {
    this.#entry = entry;
    this.#project = projectOf(entry);
  }

  /** All places by the id in their marks; sorted, because the compiler asks for them in any order. */
  get all(): MarkedPlace[] {
    return [...this.#places].sort(([a], [b]) => (a < b ? -1 : 1)).map(([id, place]) => ({ id, ...place }));
  }

  url(path: string, importer?: string): string {
    return `__FORKWISE_${this.#idOf(path, importer)}_URL__`;
  }

  path(path: string, importer?: string): string {
    return `__FORKWISE_${this.#idOf(path, importer)}_PATH__`;
  }

  #idOf(path: string, importer = this.#entry): string {
    const place = placeOf(path, { project: this.#project, importer });
    const id = createHash('sha256').update(JSON.stringify(place)).digest('hex').slice(0, 16);
    this.#places.set(id, place);
    return id;
  }
}

/** A place with the id that is in its marks. */
export type MarkedPlace = Place & { readonly id: string };

/**
 * Puts the names of files into a text in the place of their marks, as JavaScript and JSON write them between
 * double quotes.
 * @param paths the path of each place by its id
 */
export function withPaths(text: string, paths: ReadonlyMap<string, string>): string {
  return text.replaceAll(/__FORKWISE_([\da-f]{16})_(URL|PATH)__/g, (found, id: string, form: string) => {
    const path = paths.get(id);
    if (path === undefined) return found;
    return JSON.stringify(form === 'URL' ? pathToFileURL(path).href : path).slice(1, -1);
  });
}

/** What a place is on this machine: its path, or the version that was found in the place of another. */
export type Found = { readonly path: string } | { readonly missing: Package; readonly there: string | null };

/** Finds a place in a project on this machine. */
export function findPlace(place: Place, project: string): Found {
  if ('own' in place) return { path: resolve(project, place.own) };
  const { name, version, file, from } = place;
  const folder = packageFolder(name, dirname(resolve(project, from)));
  const there = folder === null ? null : versionOf(folder);
  return folder !== null && there === version
    ? { path: join(folder, file) }
    : { missing: { name, version }, there };
}

/**
 * Lists the packages that these places are in, and all that those need, as `name@version`, sorted. A package
 * that is not installed is left out.
 * @param entry the task's own file
 */
export function packageVersions(places: readonly Place[], entry: string): string[] {
  const project = projectOf(entry);
  const seen = new Set<string>();
  const versions = new Set<string>();
  const add = (name: string, from: string): void => {
    const found = packageFolder(name, from);
    if (found === null) return;
    const folder = realpathSync(found); // some package managers make links
    if (seen.has(folder)) return;
    seen.add(folder);
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
    versions.add(`${name}@${manifest.version ?? ''}`);
    const { dependencies, optionalDependencies, peerDependencies } = manifest;
    for (const needed of Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }))
      add(needed, folder);
  };
  for (const place of places) if (!('own' in place)) add(place.name, dirname(resolve(project, place.from)));
  return [...versions].sort();
}

interface Manifest {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

/** The folder of a package as Node finds it for a file of this folder; null where there is none. */
function packageFolder(name: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const found = join(folder, 'node_modules', name);
    if (existsSync(join(found, 'package.json'))) return found;
    if (dirname(folder) === folder) return null;
  }
}

/** The task's project is the nearest folder with a package.json, or else the folder of the task. */
function projectOf(entry: string): string {
  for (let folder = dirname(entry); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder;
    if (dirname(folder) === folder) return dirname(entry);
  }
}

function placeOf(
  path: string,
  { project, importer }: { readonly project: string; readonly importer: string },
): Place {
  const parts = path.split(sep);
  const at = parts.lastIndexOf('node_modules');
  if (at < 0) return { own: slashed(relative(project, path)) };
  const end = at + (parts[at + 1]?.startsWith('@') ? 3 : 2);
  return {
    name: parts.slice(at + 1, end).join('/'),
    version: versionOf(parts.slice(0, end).join(sep)),
    file: parts.slice(end).join('/'),
    from: slashed(relative(project, importer)),
  };
}

function versionOf(folder: string): string {
  try {
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
      version?: string;
    };
    return version ?? '';
  } catch (cause) {
    throw new Error(
      `cannot tell the version of the package "${basename(folder)}": ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function slashed(path: string): string {
  return path.split(sep).join('/');
}
