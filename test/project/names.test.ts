import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { strategies } from '../../strategies/index.js';
import { peers } from '../../strategies/peers/index.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const names = [...strategies, ...peers].map(({ name }) => name);

/** Colours and shapes belong to a strategy, so the table of looks has the names. */
const exceptions = new Set(['plots/looks.ts']);

/** Names of libraries, values of a published column and a field of a type are not names of strategies. */
const otherMeanings = /[lL]ibraries|reference(: | === )'sequential'|Record<'sequential'/;

const files = ['bench', 'plots', 'runner'].flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file.split(sep).join('/')}`),
);

it('bench, plots and runner know no strategy by its name', () => {
  assert.ok(files.length > 100);
  const found = files
    .filter((file) => !exceptions.has(file))
    .flatMap((file) =>
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .flatMap((line, i) => {
          const code = line.replace(/^\s*(\/\*\*|\*|\/\/).*/, '').replace(/ \/\/ .*/, '');
          const literals = [...code.matchAll(/(['"])([\w-]+)\1/g)].map(([, , text]) => text as string);
          const named = literals.some((text) => names.includes(text)) && !otherMeanings.test(code);
          return named ? [`${file}:${i + 1}: ${line.trim()}`] : [];
        }),
    );
  const remedy = 'declare a trait in strategies/strategy.ts and ask for it, or choose another name';
  assert.deepEqual(found, [], remedy);
});
