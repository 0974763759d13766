import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';
import type { Column, Row } from './columns.js';

/** RFC 4180 text ⇄ typed rows, by a table of columns. */

/** The header line. */
export function encodeHeader(columns: readonly Column[]): string {
  return stringify([columns.map(({ name }) => name)], { record_delimiter: '\r\n' });
}

/** One line a row. Numbers as JavaScript prints them (shortest that reads back the same), null as an empty cell. */
export function encodeRows<Columns extends readonly Column[]>(
  columns: Columns,
  rows: readonly Row<Columns>[],
): string {
  const cells = rows.map((row) => columns.map(({ name }) => text((row as Record<string, unknown>)[name])));
  return stringify(cells, { record_delimiter: '\r\n' });
}

/**
 * Reads a whole file.
 * @throws Error that names the line when the header is not the table's or a cell is not of its column's type.
 */
export function decode<Columns extends readonly Column[]>(columns: Columns, csv: string): Row<Columns>[] {
  const [header, ...records] = parse(csv, { relax_column_count: true }) as string[][];
  const names = columns.map(({ name }) => name);
  const wrong = names.findIndex((name, i) => header?.[i] !== name);
  if (wrong >= 0 || header?.length !== names.length) {
    const at = wrong >= 0 ? wrong : names.length;
    throw new Error(
      `line 1: expected column ${at + 1} to be "${names[at] ?? 'none'}", got "${header?.[at] ?? 'nothing'}"; another version wrote this file`,
    );
  }
  return records.map((record, i) => {
    if (record.length !== columns.length) {
      throw new Error(`line ${i + 2}: expected ${columns.length} cells, got ${record.length}`);
    }
    return Object.fromEntries(
      columns.map((column, c) => [column.name, value(column, record[c] as string, i + 2)]),
    ) as Row<Columns>;
  });
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
