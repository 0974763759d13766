import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import { type Column, checked, type Row, type Table } from './table.js';

/** Converts typed rows of a table to RFC 4180 text, and back. */

/** Writes the header line of a table's file. */
export function encodeHeader({ columns }: Table): string {
  return stringify([columns.map(({ name }) => name)], { record_delimiter: '\r\n' });
}

/**
 * Writes one line per row. Numbers are written as JavaScript prints them (the shortest form that reads back
 * the same), and null as an empty cell.
 * @param names columns in the order of the file; default: the table's order
 */
export function encodeRows<T extends Table>(
  table: T,
  rows: readonly Row<T>[],
  names: readonly string[] = table.columns.map(({ name }) => name),
): string {
  const cells = rows.map((row: Readonly<Record<string, unknown>>) => names.map((name) => text(row[name])));
  return stringify(cells, { record_delimiter: '\r\n' });
}

/**
 * Reads a whole file by the names in its header. Columns may be in any order, a column that may be empty may
 * be missing, and a column that the table does not have is ignored. Files of older and newer versions are
 * therefore readable.
 * @throws Error that names the line, if a required column is missing, a cell does not have its column's
 * type, or a row lacks a value that its state implies
 */
export function decode<T extends Table>(table: T, csv: string): Row<T>[] {
  const [header = [], ...records] = parse(csv, { relax_column_count: true }) as string[][];
  const columns = placed(table, header);
  return records.map((record, i) => {
    const line = i + 2;
    if (record.length !== header.length)
      throw new Error(`line ${line}: expected ${header.length} cells, got ${record.length}`);
    const cells = columns.map(({ column, place }) => [
      column.name,
      place < 0 ? null : value(column, record[place] ?? '', line),
    ]);
    try {
      return checked(table, Object.fromEntries(cells));
    } catch (cause) {
      throw new Error(`line ${line}: ${(cause as Error).message}`, { cause });
    }
  });
}

/** Returns the column names of a file, in its order. */
export function headerOf(csv: string): string[] {
  const [header = []] = parse(csv, { to_line: 1, relax_column_count: true }) as string[][];
  return header;
}

/**
 * Returns each column of the table with its place in the file. The place is −1 if the file does not have it.
 */
function placed({ columns }: Table, header: readonly string[]): { column: Column; place: number }[] {
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice !== undefined)
    throw new Error(`line 1: expected each column once, but "${twice}" is there twice`);
  const found = columns.map((column) => ({ column, place: header.indexOf(column.name) }));
  const missing = found.find(({ column, place }) => place < 0 && !column.empty);
  if (missing === undefined) return found;
  throw new Error(
    `line 1: expected a column "${missing.column.name}", got ${header.length} columns without it`,
  );
}

function text(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}

function value({ name, type, empty }: Column, cell: string, line: number): string | number | boolean | null {
  if (cell === '' && empty) return null;
  if (type === 'text') return cell;
  if (type === 'boolean' && (cell === 'true' || cell === 'false')) return cell === 'true';
  if (type === 'number' && cell !== '' && Number.isFinite(Number(cell))) return Number(cell);
  throw new Error(`line ${line}: expected a ${type} in column "${name}", got "${cell}"`);
}
