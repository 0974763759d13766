import { XMLParser } from 'fast-xml-parser';
import { unzipSync } from 'fflate';
import type { Document } from '../../../workloads/workload.js';

interface Sheet {
  readonly worksheet: { readonly sheetData: { readonly row: readonly Row[] } };
}
interface Row {
  readonly c: readonly { readonly v: number }[];
}

const parser = new XMLParser({ isArray: (name) => name === 'row' || name === 'c' });

/**
 * Returns the sums of a workbook's columns: reading it takes an archive, a large text and many small
 * objects.
 */
export default function spreadsheet({ bytes }: Document): { rows: number; sums: number[] } {
  const sheet = unzipSync(bytes)['xl/worksheets/sheet1.xml'];
  if (sheet === undefined) throw new Error('expected a workbook with a first sheet, found none');
  const { row } = (parser.parse(new TextDecoder().decode(sheet)) as Sheet).worksheet.sheetData;
  const sums: number[] = [];
  for (const { c } of row) for (const [i, { v }] of c.entries()) sums[i] = (sums[i] ?? 0) + v;
  return { rows: row.length, sums };
}
