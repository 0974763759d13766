import { type Delivery, deliveries } from '../strategies/strategy.js';

/**
 * What was found to suit a task and its documents, as `recommendation.json` holds it: what to run, what to expect of it,
 * and where the finding holds. Times in milliseconds, limits of memory in MB of 2²⁰ bytes, sizes in bytes.
 */
export interface Recommendation {
  readonly schema: 1;
  /** The version that wrote it. */
  readonly forkwise: string;
  /** `file` as it was named when it was measured: absolute, or from the folder the command was given in. */
  readonly task: RecommendedTask;
  readonly strategy: string;
  readonly workers: number;
  readonly delivery: Delivery;
  /** Null: no limit of its own was measured, and none is set. */
  readonly timeoutMs: number | null;
  readonly heapMb: number | null;
  readonly memoryMb: number | null;
  readonly expected: {
    /** Of a run that is long against `endMs`. */
    readonly documentsPerSecond: number;
    /** 95 % prediction interval of one new run; null where it was measured once only. */
    readonly low: number | null;
    readonly high: number | null;
    readonly startupMs: number;
    /** What workers wait at the end of a run for the last document, mean over them; null where it is not known. */
    readonly endMs: number | null;
    readonly memoryBytes: number | null;
  };
  readonly validWhen: ValidWhen;
  /** For people: verdict, alternatives, constraints. */
  readonly [more: string]: unknown;
}

export interface RecommendedTask {
  readonly name: string;
  readonly file: string;
  readonly export: string;
  readonly sha256: string;
}

/** What it was measured with: elsewhere other strategies may be better. */
export interface ValidWhen {
  readonly nodeMajor: number;
  readonly platform: string;
  readonly arch: string;
  /** Effective cores; a float under a CPU quota. */
  readonly cores: number;
  readonly documentBytes: { readonly p5: number; readonly p95: number };
  readonly corpusSha256: string;
  readonly corpusDocuments: number;
}

/** The message says which field, what was expected, what came, and what to do. */
export class RecommendationError extends Error {
  override readonly name = 'RecommendationError';
}

/** @throws RecommendationError when it is no recommendation, or one of another schema. */
export function readRecommendation(value: unknown): Recommendation {
  if (!isObject(value))
    throw new RecommendationError(`expected a recommendation, an object, got ${shown(value)}; ${remedy}`);
  for (const [path, kind] of Object.entries(fields)) {
    const got = path.split('.').reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
    if (!kinds[kind].holds(got))
      throw new RecommendationError(
        `recommendation, field "${path}": expected ${kinds[kind].about}, got ${shown(got)}; ${remedy}`,
      );
  }
  return value as Recommendation;
}

const remedy = 'have it written anew by `forkwise pick` of this version';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isPositive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isMeasure = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const kinds = {
  schema: { about: '1', holds: (value: unknown) => value === 1 },
  text: { about: 'a text', holds: (value: unknown) => typeof value === 'string' && value !== '' },
  hash: {
    about: '64 hexadecimal digits',
    holds: (value: unknown) => typeof value === 'string' && /^[\da-f]{64}$/.test(value),
  },
  count: {
    about: 'a whole number from 1 on',
    holds: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  delivery: {
    about: `one of ${deliveries.join(', ')}`,
    holds: (value: unknown) => deliveries.includes(value as Delivery),
  },
  positive: { about: 'a number above 0', holds: isPositive },
  limit: {
    about: 'a number above 0, or null',
    holds: (value: unknown) => value === null || isPositive(value),
  },
  measure: { about: 'a number from 0 on', holds: isMeasure },
  measureOrNull: {
    about: 'a number from 0 on, or null',
    holds: (value: unknown) => value === null || isMeasure(value),
  },
};

/** The schema first: of another one nothing else can be said. */
const fields: Readonly<Record<string, keyof typeof kinds>> = {
  schema: 'schema',
  forkwise: 'text',
  'task.name': 'text',
  'task.file': 'text',
  'task.export': 'text',
  'task.sha256': 'hash',
  strategy: 'text',
  workers: 'count',
  delivery: 'delivery',
  timeoutMs: 'limit',
  heapMb: 'limit',
  memoryMb: 'limit',
  'expected.documentsPerSecond': 'positive',
  'expected.low': 'measureOrNull',
  'expected.high': 'measureOrNull',
  'expected.startupMs': 'measure',
  'expected.endMs': 'measureOrNull',
  'expected.memoryBytes': 'measureOrNull',
  'validWhen.nodeMajor': 'count',
  'validWhen.platform': 'text',
  'validWhen.arch': 'text',
  'validWhen.cores': 'positive',
  'validWhen.documentBytes.p5': 'measure',
  'validWhen.documentBytes.p95': 'measure',
  'validWhen.corpusSha256': 'hash',
  'validWhen.corpusDocuments': 'count',
};

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? `"${value}"` : String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
