import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { documents, files, generated } from '../../bench/scripts/docs.js';
import { profiles } from '../../bench/trials/profiles.js';
import { charts } from '../../plots/index.js';
import { strategies } from '../../strategies/index.js';
import { workloads } from '../../workloads/index.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const docs = readdirSync(join(root, 'docs'))
  .filter((name) => name.endsWith('.md'))
  .map((name) => `docs/${name}`);
const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'strategies/README.md',
  'bench/README.md',
].concat('results/README.md', docs);

for (const path of Object.keys(documents)) {
  it(`${path} is as \`npm run docs\` writes it`, async () => {
    assert.equal(read(path), await generated(path));
  });
}

for (const [path, text] of Object.entries(files)) {
  it(`${path} is as \`npm run docs\` writes it`, () => assert.equal(read(path), text()));
}

it('README is an entry page of at most 150 lines', () => {
  assert.ok(read('README.md').split('\n').length <= 150);
});

it('every strategy, workload, profile and chart is described', () => {
  const named = (page: string, names: readonly { readonly name: string }[]) => {
    for (const { name } of names) assert.ok(read(page).includes(`| \`${name}\``), `${page}: ${name}`);
  };
  named('strategies/README.md', strategies);
  named('docs/tasks.md', workloads);
  named('docs/commands.md', profiles);
  named('docs/reading-the-report.md', charts);
});

it('the docs name only npm scripts that exist', () => {
  const { scripts } = JSON.parse(read('package.json'));
  const named = pages.flatMap((page) =>
    [...read(page).matchAll(/npm run (?:--silent )?([a-z]+(?::[a-z-]+)*)/g)].map(
      ([, name]) => name as string,
    ),
  );
  assert.ok(named.length > 10);
  for (const name of named) assert.ok(scripts[name], name);
});

describe('links', () => {
  for (const page of pages) {
    it(`of ${page} lead to files and headings that exist`, () => {
      for (const { path, heading } of links(page)) {
        const target = path === '' ? page : join(dirname(page), path);
        assert.ok(existsSync(join(root, target)), `${page}: ${path}`);
        if (heading !== '') assert.ok(headings(target).includes(heading), `${page}: ${path}#${heading}`);
      }
    });
  }
});

it('architecture, CONTRIBUTING and README name only paths that exist', () => {
  for (const page of ['docs/architecture.md', 'CONTRIBUTING.md', 'README.md']) {
    const text = read(page).replace(/^```[\s\S]*?^```/gm, '');
    const paths = [...text.matchAll(/`((?:[\w.-]+\/)+[\w.-]*|[\w-]+\.(?:ts|mjs|json|md))`/g)].map(
      ([, path]) => path as string,
    );
    for (const path of paths) {
      if (produced.test(path)) continue;
      const found = [path, join(dirname(page), path)].some((each) => existsSync(join(root, each)));
      assert.ok(found, `${page}: ${path}`);
    }
  }
});

/** Files that a run writes, and the files that the worked examples add. */
const produced = /^(plots\/$|dist\/|results\/<|recommendation\.json|report\.md|strategies\/round-robin\/)/;

/** The relative links of a page, as path and heading. */
function links(page: string): { path: string; heading: string }[] {
  return [...read(page).matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)]
    .map(([, path = '', heading = '']) => ({ path, heading }))
    .filter(({ path }) => !path.includes('://'));
}

/** The anchors of a page, as hosts make them from its headings. */
function headings(page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map(([, text = '']) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
