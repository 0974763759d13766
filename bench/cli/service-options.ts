import { existsSync, statSync } from 'node:fs';
import type { RunnerOptions } from '../../index.js';
import { minCacheBytes } from '../../services/cache/cache-facts.js';
import type { CircuitOptions } from '../../services/circuit.js';
import { UsageError } from '../errors.js';
import { tryFolder } from '../tables/make-folder.js';
import { parseCount, parseDuration, parseLimitFlag, parseList, parseSize } from '../words/parse.js';

/** These flags of `forkwise run` are about the service that the task calls. */
export interface ServiceFlags {
  limit?: string;
  tries?: string;
  retryOn?: string;
  fallback?: string;
  circuit?: string;
  cache?: string;
  cacheSize?: string;
  cacheVerify?: string;
}

/** What the flags say about the service that the task calls. @throws UsageError */
export function serviceOptions({
  limit,
  tries,
  retryOn,
  fallback,
  circuit,
  ...kept
}: ServiceFlags): Pick<RunnerOptions, 'limits' | 'retry' | 'fallback' | 'circuit' | 'cache'> {
  if (retryOn !== undefined && tries === undefined)
    throw new UsageError('expected --tries with --retry-on, like --tries 3');
  const on = retryOn === undefined ? [] : parseList(retryOn, '--retry-on', (code) => code);
  const isStatus = (code: string) => /^[1-5]\d\d$/.test(code);
  const isService = limit !== undefined || tries !== undefined;
  return {
    ...(limit !== undefined && { limits: parseList(limit, '--limit', parseLimitFlag) }),
    ...(tries !== undefined && {
      retry: {
        attempts: parseCount(tries, '--tries'),
        codes: on.filter((code) => !isStatus(code)),
        statuses: on.filter(isStatus).map(Number),
      },
    }),
    ...(fallback !== undefined && { fallback: { value: jsonValue(fallback) } }),
    circuit: circuit === undefined ? isService && {} : parseCircuit(circuit),
    ...cacheOptions(kept),
  };
}

/** What the flags say about a cache of results. @throws UsageError */
function cacheOptions({
  cache,
  cacheSize,
  cacheVerify,
}: Pick<ServiceFlags, 'cache' | 'cacheSize' | 'cacheVerify'>): Pick<RunnerOptions, 'cache'> {
  if (cache === undefined) {
    const flag =
      cacheSize !== undefined ? '--cache-size' : cacheVerify !== undefined ? '--cache-verify' : null;
    if (flag !== null) throw new UsageError(`expected --cache with ${flag}, like --cache .cache`);
    return {};
  }
  const maxBytes = cacheSize === undefined ? undefined : parseSize(cacheSize, '--cache-size');
  if (maxBytes !== undefined && maxBytes < minCacheBytes)
    throw new UsageError(`expected --cache-size to be 100KB or more, got "${cacheSize}"`);
  checkFolder(cache);
  return {
    cache: {
      folder: cache,
      ...(maxBytes !== undefined && { maxBytes }),
      ...(cacheVerify !== undefined && { verify: parseShare(cacheVerify) }),
    },
  };
}

/** @throws UsageError where no folder can be made; nothing is left behind */
function checkFolder(folder: string): void {
  const expected = `--cache "${folder}": expected a folder, or a place for a new one,`;
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new UsageError(`${expected} got a file; choose another place`);
  try {
    tryFolder(folder);
  } catch (cause) {
    throw new UsageError(
      `${expected} but none can be made: ${(cause as Error).message}; choose another place`,
      { cause },
    );
  }
}

/** Reads `1%`, or `0.01`. @throws UsageError */
function parseShare(text: string): number {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)\s*(%?)$/.exec(text.trim()) ?? [];
  const share = Number(digits) / (percent === '%' ? 100 : 1);
  if (share >= 0 && share <= 1) return share;
  throw new UsageError(`expected --cache-verify to be a share from 0% to 100%, like 1%, got "${text}"`);
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`expected --fallback to be JSON, like null or {"title":null}, got "${text}"`, {
      cause,
    });
  }
}

/** Reads `10m`, `10m,failures=20,first=1s,max=60s` or `off`. @throws UsageError */
function parseCircuit(text: string): CircuitOptions | false {
  if (text === 'off') return false;
  const options: { -readonly [Name in keyof CircuitOptions]: CircuitOptions[Name] } = {};
  for (const item of parseList(text, '--circuit', (item) => item)) {
    const [, name, value = ''] = /^(?:(\w+)=)?(.+)$/.exec(item) ?? [];
    if (name === undefined)
      options.giveUpMs = /^0(ms|s|m|h)?$/.test(value) ? 0 : parseDuration(value, 'the time of --circuit');
    else if (name === 'failures') options.failures = parseCount(value, 'failures of --circuit');
    else if (name === 'first') options.firstMs = parseDuration(value, 'first of --circuit');
    else if (name === 'max') options.maxMs = parseDuration(value, 'max of --circuit');
    else
      throw new UsageError(
        `expected --circuit to be off, or like 10m or 10m,failures=20,first=1s,max=60s, got "${item}"`,
      );
  }
  return options;
}
