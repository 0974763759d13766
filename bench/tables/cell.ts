import { type Column, columnsOf, type Row, table } from './table.js';

/** The columns that say which run and which cell a row is of, and how they distinguish cells. */

/** A table of trials begins with these. */
export const runColumns = [
  { name: 'schema', type: 'number', about: 'version of this table' },
  { name: 'run_id', type: 'text', about: 'name of the run, which is also the name of its folder' },
] as const satisfies readonly Column[];

/**
 * The column `source` says where the documents of a family are. Tables have it beside `corpus`. It is empty
 * for documents in memory, so files of earlier versions still mean the same.
 */
export const sourceColumn = {
  name: 'source',
  type: 'text',
  empty: true,
  about:
    '`files` where every document starts as the name of a file, and reading it is part of what is ' +
    'measured: the worker reads with delivery `reference`, the caller with every other; the files come ' +
    'from a warm page cache; empty where the documents are in memory before the clock starts',
} as const satisfies Column;

/** A strategy between machines may be measured at several round-trip times. They tell its cells apart. */
export const rttColumn = {
  name: 'rtt_ms',
  type: 'number',
  empty: true,
  about:
    'a proxy before the broker makes each round trip this much longer, milliseconds (`--rtt`); empty ' +
    'where there is no proxy',
} as const satisfies Column;

/** A strategy may run several documents at the same time in a worker. The number tells its cells apart. */
export const perWorkerColumn = {
  name: 'per_worker',
  type: 'number',
  empty: true,
  about:
    'a worker runs this many documents at the same time (`--per-worker`); empty where it runs one, or ' +
    'where `workers` counts documents in flight',
} as const satisfies Column;

/**
 * A strategy may take several numbers of workers, such as one per stage. A run has one split for each number
 * of workers, so the column tells no cells apart.
 */
const configurationColumn = {
  name: 'configuration',
  type: 'text',
  empty: true,
  about:
    'how the workers are split where a strategy takes several numbers, like `load=1,encode=2,write=1` for ' +
    'the workers of stages; empty where there is one number',
} as const satisfies Column;

/** Every table with rows of cells has these. */
export const cellColumns = [
  { name: 'workload', type: 'text', about: 'workload, or the name of the user’s task module' },
  {
    name: 'kind',
    type: 'text',
    about:
      '`cpu`, `io` or `mixed`: what the workload declares, or what was measured where it declares ' +
      'nothing',
  },
  {
    name: 'corpus',
    type: 'text',
    about: '`10KB`, `mixed` (synthetic) or `docs` (real files); its hash is in environment.json',
  },
  sourceColumn,
  { name: 'document_bytes', type: 'number', about: 'mean size of a document, bytes' },
  { name: 'strategy', type: 'text', about: 'strategy' },
  {
    name: 'workers',
    type: 'number',
    about: 'number of worker threads or processes; for `async`, documents in flight; 1 for `sequential`',
  },
  {
    name: 'delivery',
    type: 'text',
    about:
      'how documents reach a worker: `none`, `clone`, `transfer`, `shared`, `message`, `path`, `reference`',
  },
  rttColumn,
  perWorkerColumn,
  configurationColumn,
] as const satisfies readonly Column[];

const cellTable = table(cellColumns);

/** Returns what the columns of its cell say in a row. */
export function cellOf(row: Row<typeof cellTable>): Row<typeof cellTable> {
  return columnsOf(cellTable, row);
}

/** These columns distinguish a family: cells with the same ones compete with each other. */
export type FamilyId = Pick<Row<typeof cellTable>, 'workload' | 'corpus' | 'source'>;

/** These columns distinguish a cell from the others of its run. */
export type CellId = FamilyId &
  Pick<Row<typeof cellTable>, 'strategy' | 'workers' | 'delivery'> &
  Partial<Pick<Row<typeof cellTable>, 'rtt_ms' | 'per_worker'>>;

/** Returns the columns of a row that distinguish its cell. */
export function cellIdOf(row: CellId): Required<CellId> {
  const { workload, corpus, source, strategy, workers, delivery, rtt_ms = null, per_worker = null } = row;
  return { workload, corpus, source, strategy, workers, delivery, rtt_ms, per_worker };
}

/** Rows of a run have the same key if they are of the same cell. */
export function cellKey(row: CellId): string {
  return JSON.stringify(Object.values(cellIdOf(row)));
}

export function sameFamily(a: FamilyId, b: FamilyId): boolean {
  return a.workload === b.workload && a.corpus === b.corpus && a.source === b.source;
}

export function sameCell(a: CellId, b: CellId): boolean {
  return (
    sameFamily(a, b) &&
    a.strategy === b.strategy &&
    a.workers === b.workers &&
    a.delivery === b.delivery &&
    (a.rtt_ms ?? null) === (b.rtt_ms ?? null) &&
    (a.per_worker ?? null) === (b.per_worker ?? null)
  );
}
