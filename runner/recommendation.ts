import { type Configuration, type Delivery, deliveries } from '../strategies/strategy.js';
import type { TaskFinding } from '../workloads/task-findings.js';

/**
 * The content of `recommendation.json`: what suits a task and its documents, what to expect of it, and where
 * that was measured. Times are in milliseconds, memory limits in MB of 2²⁰ bytes, sizes in bytes.
 *
 * Schema 1 has no number beside `workers`; schema 2 has further ones in `configuration`.
 */
export type Recommendation = RecommendationFields &
  (
    | { readonly schema: 1 }
    | {
        readonly schema: 2;
        /** Gives numbers to the strategy's axes, beside `workers`, such as `{ processes: 2, threads: 4 }`. */
        readonly configuration: Configuration;
      }
  );

/** The fields that every schema of `recommendation.json` has. */
export interface RecommendationFields {
  /** The version of forkwise that wrote it. */
  readonly forkwise: string;
  /** The task that was measured. */
  readonly task: RecommendedTask;
  /** The name of the strategy to use. */
  readonly strategy: string;
  /** How many workers to start; documents in flight where the strategy runs on the caller's thread. */
  readonly workers: number;
  /** How many documents each worker runs at the same time. Absent: one. */
  readonly perWorker?: number;
  /** How documents reach a worker. */
  readonly delivery: Delivery;
  /** Time limit of a task, ms; null: none was measured, and none is set. */
  readonly timeoutMs: number | null;
  /** Largest heap of a worker, MB; null: no limit of its own was measured, and none is set. */
  readonly heapMb: number | null;
  /**
   * Largest resident size of a worker process, MB; null: no limit of its own was measured, and none is set.
   */
  readonly memoryMb: number | null;
  /** The results that were measured, and are to be expected again. */
  readonly expected: Expected;
  /** The conditions under which it was measured. */
  readonly validWhen: ValidWhen;
  /** `forkwise check` found this about the task; absent: nothing is known. `createRunner` refuses by it. */
  readonly findings?: readonly TaskFinding[];
  /** Further fields are for people: verdict, alternatives, constraints. `createRunner` ignores them. */
  readonly [more: string]: unknown;
}

/** The results that the recommended strategy had when it was measured. */
export interface Expected {
  /** Rate of a run that is long in comparison with `endMs`. */
  readonly documentsPerSecond: number;
  /** A new run is at least this fast with 97.5 % probability; null where it was measured only once. */
  readonly low: number | null;
  /** A new run is at most this fast with 97.5 % probability; null where it was measured only once. */
  readonly high: number | null;
  /** Time until all workers are ready. */
  readonly startupMs: number;
  /**
   * How long workers wait at the end of a run for the last document, mean over the workers; null where
   * unknown.
   */
  readonly endMs: number | null;
  /** The whole process tree takes this memory; null where it is unknown. */
  readonly memoryBytes: number | null;
}

/** The task that a recommendation was measured with. */
export interface RecommendedTask {
  /** Tables and charts show this name of the workload. */
  readonly name: string;
  /**
   * Path of the module as it was given when it was measured: absolute, or from the folder of that command.
   */
  readonly file: string;
  /** The export that is the task: `default`, or its name. */
  readonly export: string;
  /** Identifies the compiled module: its SHA-256 as 64 hexadecimal digits. */
  readonly sha256: string;
}

/** The conditions of the measurement. Under others another strategy may be better. */
export interface ValidWhen {
  /** Node had this major version. */
  readonly nodeMajor: number;
  /** Node gave this as `process.platform`. */
  readonly platform: string;
  /** Node gave this as `process.arch`. */
  readonly arch: string;
  /** The machine had this number of effective cores; under a CPU quota it need not be whole. */
  readonly cores: number;
  /** The documents had these sizes. */
  readonly documentBytes: {
    /** 5 % of the documents are at most this large, bytes. */
    readonly p5: number;
    /** 95 % of the documents are at most this large, bytes. */
    readonly p95: number;
  };
  /** Identifies the documents: their SHA-256 as 64 hexadecimal digits. */
  readonly corpusSha256: string;
  /** It was measured with this number of documents. */
  readonly corpusDocuments: number;
}

/**
 * A recommendation cannot be read. The message says which field, what was expected, what came, and what to
 * do.
 */
export class RecommendationError extends Error {
  /** It is always `RecommendationError`. */
  override readonly name = 'RecommendationError';
}

/**
 * Checks that a value, such as a parsed `recommendation.json`, is a recommendation of schema 1 or 2.
 * @returns the same object, with its type
 * @throws RecommendationError when it is no recommendation, or has another schema.
 */
export function readRecommendation(value: unknown): Recommendation {
  if (!isObject(value))
    throw new RecommendationError(`expected a recommendation, an object, got ${shown(value)}; ${remedy}`);
  for (const [path, kind] of fieldsOf(value.schema)) {
    const got = path.split('.').reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), value);
    if (!kinds[kind].holds(got))
      throw new RecommendationError(
        `recommendation, field "${path}": expected ${kinds[kind].about}, got ${shown(got)}; ${remedy}`,
      );
  }
  return value as Recommendation;
}

const remedy = 'write it again with `forkwise pick` of this version';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown) => typeof value === 'string' && value !== '';
const isPositive = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value > 0;
const isMeasure = (value: unknown) => typeof value === 'number' && Number.isFinite(value) && value >= 0;

const kinds = {
  schema: { about: '1 or 2', holds: (value: unknown) => value === 1 || value === 2 },
  text: { about: 'a text', holds: isText },
  hash: {
    about: '64 hexadecimal digits',
    holds: (value: unknown) => typeof value === 'string' && /^(?:v\d+:)?[\da-f]{64}$/.test(value),
  },
  count: {
    about: 'a whole number from 1 on',
    holds: (value: unknown) => Number.isSafeInteger(value) && (value as number) >= 1,
  },
  countOrNothing: {
    about: 'a whole number from 1 on, or nothing',
    holds: (value: unknown) => value === undefined || (Number.isSafeInteger(value) && (value as number) >= 1),
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
  configuration: {
    about: 'an object of numbers from 0 on, like { "processes": 2 }',
    holds: (value: unknown) =>
      isObject(value) && Object.keys(value).length > 0 && Object.values(value).every(isMeasure),
  },
  findings: {
    about: 'a list of findings with id, level and said, or nothing',
    holds: (value: unknown) =>
      value === undefined ||
      (Array.isArray(value) &&
        value.every(
          (finding) => isObject(finding) && ['id', 'level', 'said'].every((key) => isText(finding[key])),
        )),
  },
  absent: {
    about: 'nothing in schema 1, only in schema 2',
    holds: (value: unknown) => value === undefined,
  },
};

/** The schema comes first: the other fields depend on it. */
function fieldsOf(schema: unknown): [path: string, kind: keyof typeof kinds][] {
  return [
    ['schema', 'schema'],
    ['forkwise', 'text'],
    ['task.name', 'text'],
    ['task.file', 'text'],
    ['task.export', 'text'],
    ['task.sha256', 'hash'],
    ['strategy', 'text'],
    ['workers', 'count'],
    ['perWorker', 'countOrNothing'],
    ['delivery', 'delivery'],
    ['findings', 'findings'],
    ['configuration', schema === 2 ? 'configuration' : 'absent'],
    ['timeoutMs', 'limit'],
    ['heapMb', 'limit'],
    ['memoryMb', 'limit'],
    ['expected.documentsPerSecond', 'positive'],
    ['expected.low', 'measureOrNull'],
    ['expected.high', 'measureOrNull'],
    ['expected.startupMs', 'measure'],
    ['expected.endMs', 'measureOrNull'],
    ['expected.memoryBytes', 'measureOrNull'],
    ['validWhen.nodeMajor', 'count'],
    ['validWhen.platform', 'text'],
    ['validWhen.arch', 'text'],
    ['validWhen.cores', 'positive'],
    ['validWhen.documentBytes.p5', 'measure'],
    ['validWhen.documentBytes.p95', 'measure'],
    ['validWhen.corpusSha256', 'hash'],
    ['validWhen.corpusDocuments', 'count'],
  ];
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null || typeof value !== 'object')
    return typeof value === 'string' ? `"${value}"` : String(value);
  return Array.isArray(value) ? 'a list' : 'an object';
}
