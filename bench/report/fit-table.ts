import { stripVTControlCharacters } from 'node:util';
import type { TextTable } from '../words/text-table.js';

/** Space between two columns, and behind the last one. */
export const gap = 2;

/** A table that fits, or null where only one line per value does. */
export interface Fitted {
  readonly table: TextTable | null;
  /** Columns that were left out, in the order of the table. */
  readonly without: readonly string[];
}

/**
 * Makes a table fit a terminal, whose lines would wrap otherwise. A table with several rows goes without the
 * columns that it can spare, the least important first. A single row has all of them, one below the other.
 * @param columns of the terminal; undefined: the output is no terminal, and any width fits
 */
export function fitted(table: TextTable, columns: number | undefined): Fitted {
  if (columns === undefined || columns <= 0 || widthOf(table) <= columns) return { table, without: [] };
  if (table.groups.flat().length === 1) return { table: null, without: [] };
  const shown = shownColumns(table).map((column) => table.header[column]);
  const spare = (table.spare ?? []).filter((name) => shown.includes(name));
  const without = new Set(spare);
  if (widthOf(withoutColumns(table, without)) > columns) return { table: null, without: [] };
  for (const name of spare.toReversed()) {
    without.delete(name);
    if (widthOf(withoutColumns(table, without)) > columns) without.add(name);
  }
  return { table: withoutColumns(table, without), without: table.header.filter((name) => without.has(name)) };
}

/** Columns in which some row has a value. */
export function shownColumns({ header, groups }: TextTable): number[] {
  return header.flatMap((_, column) => (groups.flat().some((row) => row[column] !== '') ? [column] : []));
}

/**
 * Prints each row as lines of a name and a value, for a terminal in which no table fits. A value without a
 * name is a title.
 */
export function rowsAsLines(table: TextTable, nameText: (name: string) => string): string {
  const columns = shownColumns(table);
  const names = columns.map((column) => table.header[column] ?? '');
  const width = Math.max(...names.map((name) => name.length)) + gap;
  return table.groups
    .flat()
    .map((row) =>
      columns
        .flatMap((column, i) => {
          const name = names[i] ?? '';
          const padding = ' '.repeat(width - name.length);
          const value = row[column] ?? '';
          if (value === '') return [];
          return [name === '' ? value : `${nameText(name)}${padding}${value}`];
        })
        .join('\n'),
    )
    .join('\n\n');
}

function widthOf(table: TextTable): number {
  const rows = [table.header, ...table.groups.flat()];
  return shownColumns(table)
    .map((column) => Math.max(...rows.map((row) => stripVTControlCharacters(row[column] ?? '').length)))
    .reduce((sum, width) => sum + width + gap, 0);
}

function withoutColumns({ header, numbersFrom, groups }: TextTable, names: ReadonlySet<string>): TextTable {
  const kept = (cells: readonly string[]) => cells.filter((_, column) => !names.has(header[column] ?? ''));
  return {
    header: kept(header),
    numbersFrom: kept(header.slice(0, numbersFrom)).length,
    groups: groups.map((rows) => rows.map(kept)),
  };
}
