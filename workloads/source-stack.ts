import { readFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { fileURLToPath } from 'node:url';
import { attempt, isInstance, memberOf } from './thrown.js';

/**
 * A stack names the compiled task, which its author has never seen. This module names the places in the
 * author's sources instead, once an error is reported. Node's own switch for source maps is not used: it
 * would be on in the caller's program too, make every use of `error.stack` slow there, and load the source
 * maps of all packages.
 */

/** The source map of a compiled task. */
export interface TaskMap extends Omit<SourceMapPayload, 'sources'> {
  /** URLs of files; null for code that the compiler added. */
  readonly sources: readonly (string | null)[];
  /** The task's own files. The compiler moved the first line of each to the right by this many columns. */
  readonly x_forkwise_files: Readonly<Record<string, number>>;
  /** The module was compiled from this source. Absent in maps of earlier versions. */
  readonly x_forkwise_task?: { readonly file: string; readonly export: string };
}

/** A place in a compiled task, as stacks name it. The column is missing above a syntax error. */
const compiledPlace = /(file:\/\/\S*?-[0-9a-f]{16}\.mjs):(\d+)(?::(\d+))?/g;

/** No frame is longer. A message may have a whole document in it. */
const maxLine = 5000;

function mayHavePlace(line: string): boolean {
  return line.length <= maxLine && line.includes('.mjs:');
}

/** Names the task's sources in a stack. Frames of code that the compiler added are left out. */
export function sourceStack(stack: string): string {
  if (!stack.includes('.mjs:')) return stack;
  const lines = stack.split('\n').flatMap((line) => {
    if (!mayHavePlace(line)) return [line];
    let added = false;
    const named = line.replace(compiledPlace, (compiled, url: string, row: string, column?: string) => {
      const place = mapOf(url)?.(Number(row), column === undefined ? null : Number(column));
      added ||= place === null;
      return place ?? compiled;
    });
    return added && /^\s+at /.test(line) ? [] : [named];
  });
  return lines.join('\n');
}

/** Causes are followed this deep. */
const maxCauses = 5;

/** Node throws one error again and again where a module that does not load is imported again. */
const firstPlaces = new WeakMap<Error, string | null>();

/**
 * Names the task's sources in the stack of an error that others will print, and in those of its causes.
 * @returns the first place in the task's sources; null if there is none
 */
export function nameSources(cause: unknown, causes = maxCauses): string | null {
  if (!isInstance(cause, Error)) return null;
  const known = firstPlaces.get(cause);
  if (known !== undefined) return known;
  const stack = memberOf(cause, 'stack');
  const first = typeof stack === 'string' ? firstPlace(stack) : null;
  firstPlaces.set(cause, first);
  // A frozen error keeps its stack.
  if (typeof stack === 'string') attempt(() => Reflect.set(cause, 'stack', sourceStack(stack)), false);
  if (causes > 0) nameSources(memberOf(cause, 'cause'), causes - 1);
  return first;
}

function firstPlace(stack: string): string | null {
  for (const line of stack.split('\n').filter(mayHavePlace))
    for (const [compiled] of line.matchAll(compiledPlace)) {
      const place = sourceStack(compiled);
      if (place !== compiled) return place;
    }
  return null;
}

/** Names the source of a place whose row and column count from 1; null for code that the compiler added. */
type PlaceOf = (row: number, column: number | null) => string | null;

/** The maps that were needed so far. A process has few tasks. */
const maps = new Map<string, PlaceOf | null>();

function mapOf(url: string): PlaceOf | null {
  let map = maps.get(url);
  if (map === undefined) {
    map = read(url);
    maps.set(url, map);
  }
  return map;
}

function read(url: string): PlaceOf | null {
  try {
    const map = JSON.parse(readFileSync(`${fileURLToPath(url)}.map`, 'utf8')) as TaskMap;
    return map.x_forkwise_files === undefined ? null : placeIn(map);
  } catch {
    return null; // it is no compiled task, or its map was removed
  }
}

function placeIn(taskMap: TaskMap): PlaceOf {
  const { sources, x_forkwise_files: moved } = taskMap;
  // Node's class gives the index of a source back, if that is the source's name.
  const map = new SourceMap({ ...taskMap, sources: sources.map((_, index) => String(index)) });
  return (row, column) => {
    const entry = map.findEntry(row - 1, (column ?? Number.MAX_SAFE_INTEGER) - 1);
    // Without a source in this line, the class gives one of a line above.
    if (!('originalSource' in entry) || entry.generatedLine !== row - 1) return null;
    const source = sources[Number(entry.originalSource)] ?? null;
    if (source === null) return null;
    const path = fileURLToPath(source);
    const { originalLine: line, originalColumn: start } = entry;
    if (column === null) return `${path}:${line + 1}`;
    return `${path}:${line + 1}:${start - (line === 0 ? (moved[path] ?? 0) : 0) + 1}`;
  };
}
