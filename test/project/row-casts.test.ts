import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * A row cast is a type assertion in `bench/` or `plots/` that claims what the state of a row should imply:
 *
 * 1. `as` a type that is a row of a table or one of its states, like `TrialRow` or `RatedSummary`, also as
 *    the member of a list, a tuple or a union;
 * 2. `as` any type, or `!`, behind a column of a row, like `row.speedup as number` or `row.speedup!`;
 * 3. `as` a type of values behind a variable that is named like a column, like `delivery as Delivery`.
 *
 * Rows need none: a table's rules say which columns a state implies, `isOk`, `hasRate` and `known` narrow
 * rows, and `groupBy` says that no group is empty. Only `checked` in `bench/tables/table.ts` asserts that
 * values are a row, after it has checked them.
 */
const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = ['bench', 'plots']
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({
    file: file.split(sep).join('/'),
    text: readFileSync(join(root, file), 'utf8'),
  }));

const rowTypes = new Set(['Row']);
for (let before = 0; before < rowTypes.size; ) {
  before = rowTypes.size;
  for (const { text } of files)
    for (const [, name = '', whole = ''] of text.matchAll(
      /^(?:export )?type (\w+) =\s*(?:Extract<)?(\w+)[<,]/gm,
    ))
      if (rowTypes.has(whole)) rowTypes.add(name);
}

const columns = new Set(
  files
    .filter(({ text }) => /\btable\(/.test(text))
    .flatMap(({ text }) => [...text.matchAll(/\bname: '(\w+)',\s*type: '/g)].map(([, name = '']) => name)),
);

const allowed = ['bench/tables/table.ts: values as Row<T>'];

const assertion = /([\w)\]}]+!?) as (?!const\b)([^;=,)]+)/g;
const ofColumn = /\.(\w+)(?: as (?!const\b)|!(?=[\s.,;:)\]}]))/g;
const ofVariable = /(?<![\w.])(\w+) as (?:number|string|boolean|Delivery|Isolation|Kind|\w+\[')/g;

function rowCasts(source: string): string[] {
  const text = source.replaceAll(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*|(?<![\w[])'[^'\n]*'/gm, '');
  return [
    ...[...text.matchAll(assertion)].filter(([, , type = '']) =>
      (type.match(/\w+/g) ?? []).some((name) => rowTypes.has(name)),
    ),
    ...[...text.matchAll(ofColumn), ...text.matchAll(ofVariable)].filter(([, name = '']) =>
      columns.has(name),
    ),
  ].map(([cast]) => cast);
}

it('each kind of row cast is found, and nothing else', () => {
  for (const cast of [
    'group[0] as TrialRow;',
    'const [first] = own as [TrialRow, ...TrialRow[]];',
    'cells as readonly RatedSummary[]',
    'trials.find(isBaseline) as TrialRow',
    'row.speedup as number',
    '(a.documents_per_second as number) + 1',
    'f(trial.workers!)',
    "trial.delivery as Dispatch['delivery']",
    'delivery as Delivery',
  ])
    assert.equal(rowCasts(cast).length, 1, cast);
  for (const other of [
    'logs[i] as number',
    'workers[0] as number',
    'kinds.get(trial.strategy) as Kind',
    '[{ name: 1 }] as const',
    'documents[0] as Document',
    'row.speedup !== null',
    "about: 'counts workers as in that profile'",
    '// row.speedup as number',
  ])
    assert.deepEqual(rowCasts(other), [], other);
});

it('rows are not cast', () => {
  for (const name of ['OkTrial', 'OkOverheadTrial', 'RatedSummary', 'CrossoverRow'])
    assert.ok(rowTypes.has(name));
  for (const name of ['efficiency_workers', 'granularity_us', 'delivery']) assert.ok(columns.has(name), name);
  const found = files.flatMap(({ file, text }) => rowCasts(text).map((cast) => `${file}: ${cast}`));
  assert.deepEqual(
    found.filter((cast) => !allowed.includes(cast)),
    [],
  );
});
