import { pathToFileURL } from 'node:url';
import { readBundle } from '../workloads/task-bundle.js';
import { keep } from '../workloads/task-cache.js';
import { findPlace, type Package, withPaths } from '../workloads/task-places.js';
import { WorkloadError, type WorkloadRef } from '../workloads/workload.js';

/**
 * Makes a task of a bundle that came from another machine. Its module goes into the user's cache, which only
 * this user can write; the names of files are those of the project in `project`, whose packages must have the
 * versions that the task was bundled with.
 * @throws Error when the bytes do not have the hash; MissingPackages
 */
export function unpack(bytes: Uint8Array, sha256: string, project: string): WorkloadRef {
  const { name, places, code, map } = readBundle(bytes, sha256);
  const paths = new Map<string, string>();
  const missing = new Map<string, Missing>();
  for (const place of places) {
    const found = findPlace(place, project);
    if ('path' in found) paths.set(place.id, found.path);
    else missing.set(found.missing.name, found);
  }
  if (missing.size > 0) throw new MissingPackages(missingText(name, [...missing.values()], project));
  const kept = keep(name, { code: withPaths(code, paths), map: withPaths(map, paths) });
  return { name, url: pathToFileURL(kept.path).href, options: {} };
}

/** The machine has not the packages that a task needs. */
export class MissingPackages extends WorkloadError {}

interface Missing {
  readonly missing: Package;
  /** The version that is there; null where the package is not installed. */
  readonly there: string | null;
}

function missingText(task: string, missing: readonly Missing[], project: string): string {
  const list = missing.map(({ missing: { name, version }, there }) =>
    there === null ? `${name} ${version} is not installed` : `${name} is ${there}, expected ${version}`,
  );
  const wanted = missing.map(({ missing: { name, version } }) => `${name}@${version}`);
  return (
    `task "${task}" needs other packages than there are in ${project}: ${list.join('; ')}\n` +
    `install them there: npm install --no-save ${wanted.join(' ')}`
  );
}
