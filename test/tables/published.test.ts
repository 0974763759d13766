import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  copyTable,
  granularityTable,
  metgTable,
  overheadSummaryTable,
  overheadTable,
  ratioTable,
  taskTable,
} from '../../bench/overhead/columns.js';
import { promiseTable, regretTable } from '../../bench/regret/columns.js';
import { comparisonTable } from '../../bench/tables/comparison-columns.js';
import { decode, headerOf } from '../../bench/tables/csv.js';
import type { Environment } from '../../bench/tables/environment.js';
import { faultTable } from '../../bench/tables/fault-columns.js';
import { responsivenessTable } from '../../bench/tables/responsiveness-columns.js';
import { projectionTable, scalingTable } from '../../bench/tables/scaling-columns.js';
import {
  crossoverTable,
  hintTable,
  situationTable,
  winnerTable,
} from '../../bench/tables/situation-columns.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import type { Table } from '../../bench/tables/table.js';
import { trialTable } from '../../bench/tables/trial-columns.js';

/** The table of each file, by the file's name. A new file needs a line here. */
const tables: Readonly<Record<string, Table>> = {
  'trials.csv': trialTable,
  'summary.csv': summaryTable,
  'comparisons.csv': comparisonTable,
  'scaling.csv': scalingTable,
  'projections.csv': projectionTable,
  'winners.csv': winnerTable,
  'crossovers.csv': crossoverTable,
  'situations.csv': situationTable,
  'hints.csv': hintTable,
  'faults.csv': faultTable,
  'responsiveness.csv': responsivenessTable,
  'overhead.csv': overheadTable,
  'granularity.csv': granularityTable,
  'overhead-summary.csv': overheadSummaryTable,
  'overhead-ratios.csv': ratioTable,
  'copies.csv': copyTable,
  'metg.csv': metgTable,
  'word-frequency.csv': taskTable,
  'promises.csv': promiseTable,
  'regret.csv': regretTable,
};

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** `test/fixtures/published` has the first 200 lines of what version 0.1.0 published in `results`. */
for (const folder of ['results', 'test/fixtures/published', 'test/fixtures/run-before']) {
  describe(`every published file in ${folder} reads`, () => {
    const names = readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' });
    const files = names.filter((name) => /(?<!\.vl)\.(csv|json)$/.test(name)).sort();
    assert.ok(files.length >= 2, 'there are files');
    for (const file of files) {
      it(file, () => {
        const text = readFileSync(`${root}${folder}/${file}`, 'utf8');
        if (file.endsWith('.csv')) reads(file, text);
        else isEnvironment(JSON.parse(text));
      });
    }
  });
}

function reads(file: string, text: string): void {
  const table = tables[basename(file)];
  assert.ok(table, `no table reads ${file}`);
  const rows: readonly Readonly<Record<string, unknown>>[] = decode(table, text);
  assert.equal(rows.length, text.trimEnd().split('\n').length - 1);
  const names = table.columns.map(({ name }) => name);
  assert.deepEqual(
    headerOf(text).filter((name) => !names.includes(name)),
    [],
    'no published column was renamed or removed',
  );
}

function isEnvironment(environment: Partial<Environment>): void {
  assert.equal(environment.schema, 1);
  assert.equal(typeof environment.run_id, 'string');
  assert.ok((environment.cores?.effective ?? 0) > 0);
  assert.match(environment.node?.version ?? '', /^\d+\./);
  assert.ok(Array.isArray(environment.corpora));
}
