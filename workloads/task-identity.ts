import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type PortableTask, portable, readBundle, sourceOf } from './task-bundle.js';
import { packageVersions } from './task-places.js';
import type { WorkloadRef } from './workload.js';

/**
 * Hashes what decides a task's results, as far as its caller knows it: its own files, the versions of the
 * packages that these need, its options, and the version of Node. Where the files are makes no difference.
 *
 * An address of a service is none of it, because a service that is started for a run has another port each
 * time: the option `service` counts without its host and port, and other addresses on this machine without
 * their port.
 * @returns 64 characters, hex
 * @throws WorkloadError as `portable` does
 */
export async function taskIdentity(ref: WorkloadRef): Promise<string> {
  const task = await portable(ref);
  const code = 'workload' in task ? [task.workload, ownVersion()] : [task.sha256, packagesOf(task, ref.url)];
  const [nodeMajor] = process.versions.node.split('.');
  return createHash('sha256')
    .update(JSON.stringify([form, code, canonical(ref.options), nodeMajor]))
    .digest('hex');
}

/** The versions of all packages that the task needs, directly or through another package. */
function packagesOf({ sha256, bytes }: Exclude<PortableTask, { workload: string }>, url: string): string[] {
  const { places } = readBundle(bytes, sha256);
  return packageVersions(places, sourceOf(fileURLToPath(url)).file);
}

/** Changes when results that were kept earlier must not be used any more. */
const form = 1;

/** Returns the same value with the keys of objects in order, and without addresses of services. */
function canonical(value: unknown, name = ''): unknown {
  if (typeof value === 'string') return withoutAddress(value, name);
  if (typeof value === 'bigint') return ['bigint', String(value)];
  if (ArrayBuffer.isView(value))
    return [
      value.constructor.name,
      Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex'),
    ];
  if (value instanceof Date) return ['Date', value.getTime()];
  if (value instanceof Map) return ['Map', [...value].map((entry) => canonical(entry))];
  if (value instanceof Set) return ['Set', [...value].map((entry) => canonical(entry))];
  if (value instanceof RegExp) return ['RegExp', String(value)];
  if (Array.isArray(value)) return value.map((item) => canonical(item, name));
  if (typeof value === 'number' && !Number.isFinite(value)) return ['number', String(value)];
  if (value === undefined) return ['undefined'];
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { object: entries.map(([key, part]) => [key, canonical(part, key)]) };
}

function withoutAddress(text: string, name: string): string {
  if (!/^[a-z]+:\/\//i.test(text) || !URL.canParse(text)) return text;
  const url = new URL(text);
  const isHere = /^(localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname);
  if (name === 'service') return `${url.protocol}${url.pathname}${url.search}`;
  return isHere ? `${url.protocol}//${url.hostname}${url.pathname}${url.search}` : text;
}

function ownVersion(): string {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
