import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { documents, generated } from '../../bench/scripts/docs.js';
import { profiles } from '../../bench/trials/profiles.js';
import { strategies } from '../../strategies/index.js';
import { workloads } from '../../workloads/index.js';

const root = new URL('../../../', import.meta.url);
const readme = readFileSync(new URL('README.md', root), 'utf8');

for (const path of Object.keys(documents)) {
  it(`${path} is as \`npm run docs\` writes it`, async () => {
    assert.equal(readFileSync(new URL(path, root), 'utf8'), await generated(path));
  });
}

it('README names every strategy, workload and profile', () => {
  for (const { name } of [...strategies, ...workloads, ...profiles])
    assert.ok(readme.includes(`\`${name}\``), name);
});

it('README names only npm scripts that exist', () => {
  const { scripts } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
  const named = [...readme.matchAll(/npm (?:run )?(bench|test|lint|docs|build|[a-z]+:[a-z]+)\b/g)].map(
    ([, name]) => name as string,
  );
  assert.ok(named.length > 4);
  for (const name of named) assert.ok(scripts[name], name);
});
