import { isAbsolute, join, relative, sep } from 'node:path';
import type { Option } from 'commander';
import { parseDuration, parseSize } from '../words/parse.js';

/** A kind of value: how a job file writes it, and how it becomes the text of a command line. */
export interface Kind {
  /** Completes "expected …". */
  readonly expected: string;
  /** The value is the path of a file, a folder or a glob. */
  readonly isPath: boolean;
  /** A JSON schema of the values that are taken. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Returns the value as commander would have it; undefined for a value of another kind. */
  read(value: unknown): string | boolean | undefined;
}

const whole = (value: unknown) => typeof value === 'number' && Number.isSafeInteger(value) && value > 0;
const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';
const text = (expected: string, isPath = false): Kind => ({
  expected,
  isPath,
  schema: { type: 'string', minLength: 1 },
  read: (value) => (isText(value) ? value : undefined),
});
/** A text that a parser takes, so that a mistake is reported with its line. */
const parsed = (expected: string, parse: (text: string, what: string) => number, pattern: string): Kind => ({
  expected,
  isPath: false,
  schema: { type: 'string', pattern },
  read: (value) => (isText(value) && takes(parse, value) ? value : undefined),
});
function takes(parse: (text: string, what: string) => number, value: string): boolean {
  try {
    return parse(value, 'it') > 0;
  } catch {
    return false;
  }
}
const digits = '^ *[0-9]+(\\.[0-9]+)? *';
const duration = (expected: string) =>
  parsed(expected, parseDuration, `${digits}([mM]?[sS]|[mM]([iI][nN])?|[hH]) *$`);
const size = (expected: string) => parsed(expected, parseSize, `${digits}[kKmMgG]?[iI]?[bB] *$`);
const count = (expected: string): Kind => ({
  expected,
  isPath: false,
  schema: {
    anyOf: [
      { type: 'integer', minimum: 1 },
      { type: 'string', pattern: '^[0-9]+$' },
    ],
  },
  read: (value) => (whole(value) || (isText(value) && /^\d+$/.test(value)) ? String(value) : undefined),
});
const list = (expected: string): Kind => ({
  expected,
  isPath: false,
  schema: {
    anyOf: [
      { type: 'string', minLength: 1 },
      { type: 'integer', minimum: 1 },
      { type: 'array', minItems: 1, items: { type: ['string', 'number'] } },
    ],
  },
  read(value) {
    const items = Array.isArray(value) ? value : [value];
    return items.length > 0 && items.every((item) => isText(item) || whole(item))
      ? items.join(',')
      : undefined;
  },
});
const either = (expected: string): Kind => ({
  expected,
  isPath: false,
  schema: { type: ['string', 'number'] },
  read: (value) => (isText(value) || Number.isFinite(value) ? String(value) : undefined),
});

export const flag: Kind = {
  expected: 'true or false',
  isPath: false,
  schema: { type: 'boolean' },
  read: (value) => (typeof value === 'boolean' ? value : undefined),
};

const split: Kind = {
  expected: 'workers of each stage like load=1,encode=2, or { load: 1, encode: 2 }',
  isPath: false,
  schema: { type: ['string', 'object'], additionalProperties: { type: 'integer', minimum: 1 } },
  read(value) {
    if (isText(value)) return value;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    const workers = Object.entries(value);
    return workers.length > 0 && workers.every(([, count]) => Number.isSafeInteger(count))
      ? workers.map(([stage, count]) => `${stage}=${count}`).join(',')
      : undefined;
  },
};

/** Kinds by the word between the brackets of an option: `--workers <count>`. */
const kinds: Readonly<Record<string, Kind>> = {
  file: text('the path of a file', true),
  folder: text('the path of a folder', true),
  'folder or glob': text('a folder or a glob', true),
  run: text("the path of a run's folder", true),
  count: count('a whole number like 4'),
  number: count('a whole number like 4'),
  documents: count('a whole number of documents like 1000'),
  port: count('a port like 8080'),
  duration: duration('a duration like 30s'),
  time: text('a duration like 10m, or off'),
  size: size('a size like 512MB'),
  url: text('a URL'),
  name: text('a name'),
  level: text('a level'),
  order: text('completion or input'),
  kind: text('a kind'),
  what: text('a word'),
  where: text('a word'),
  pattern: text('a pattern'),
  limit: text('a limit'),
  share: either('a share like 1%'),
  rate: text('a rate like 200/s'),
  counts: list('a number, or a list like [1, 2, 4]'),
  names: list('a name, or a list of names'),
  sizes: list('a size, or a list of sizes'),
  limits: list('a limit like 100/s, or a list of limits'),
  codes: list('a code, or a list of codes'),
  json: either('a value as JSON'),
  statuses: list('a status, or a list of statuses'),
  ways: list('a delivery, or a list of deliveries'),
  rates: list('a rate, or a list of rates'),
  split,
  times: list('a time, or a list of times'),
};

export function kindNamed(word: 'file' | 'count' | 'size'): Kind {
  return kinds[word] as Kind;
}

/** An option with a word that is not in the list takes a text or a number. */
export function kindOf(option: Option): Kind {
  if (!option.required && !option.optional) return flag;
  const [, word = ''] = /[<[](.+?)[>\]]/.exec(option.flags) ?? [];
  return kinds[word] ?? either(`a text or a number (${option.flags})`);
}

/** The text of a variable, as a job file would have the value. */
export function fromVariable(value: string, kind: Kind): unknown {
  if (kind !== flag) return value;
  return { '1': true, true: true, '0': false, false: false }[value.toLowerCase()] ?? value;
}

/** Resolves a path of a job file, which is relative to the file's folder; a URL stays what it is. */
export function below(folder: string, path: string): string {
  if (isAbsolute(path) || /^[a-z][a-z+.-]+:/i.test(path)) return path;
  const fromHere = relative(process.cwd(), folder);
  if (fromHere === '') return path;
  const joined = join(fromHere, path);
  // `join` drops the dot, without which a task could be taken for the name of a package.
  return isAbsolute(joined) || joined.startsWith('..') ? joined : `.${sep}${joined}`;
}
