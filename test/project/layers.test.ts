import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const contracts = /^(strategies\/strategy|workloads\/workload)\.ts$/;
const terminal = /^bench\/cli\/(terminal|progress-bar)\.ts$/;
/** Imports go one way, types included. A file may import what the first layer that matches it lists. */
const layers: { files: RegExp; may: RegExp[] }[] = [
  { files: /^workloads\/index\.ts$/, may: [] },
  { files: /^workloads\//, may: [/^workloads\/(?!index)/] },
  // Limits, retries and cache: a worker, the runner and the bench import them, so they know the contracts
  // alone.
  { files: /^services\//, may: [/^services\//, contracts] },
  // The simulator, the allotment of workers and the adaptive number are pure functions of data.
  { files: /^control\//, may: [/^control\//, /^bench\/stats\/(estimate|paired|welch)\.ts$/] },
  { files: /^strategies\/(peers\/)?index\.ts$/, may: [/^strategies\/strategy\.ts$/] },
  {
    files: /^strategies\/peers\//,
    may: [/^strategies\/(?!(peers\/)?index)/, /^services\//, /^workloads\/(workload|load-workload)\.ts$/],
  },
  // A task travels to other machines as a bundle. Callers share limits.
  {
    files: /^strategies\/broker\//,
    may: [
      /^strategies\/(?!index|peers)/,
      /^workloads\/(workload|task-bundle)\.ts$/,
      /^services\/(limits|shared-limits)\.ts$/,
    ],
  },
  {
    files: /^strategies\//,
    may: [
      /^strategies\/(?!index|peers)/,
      /^workloads\/(workload|load-workload|source-stack|read-file|thrown)\.ts$/,
      /^workloads\/stages\/(stages|open-stage|stage-error)\.ts$/,
      /^(services|control)\//,
    ],
  },
  // The runner hands a chosen strategy over to production: it knows the lists, and nothing of measuring.
  {
    files: /^runner\//,
    may: [
      /^runner\//,
      /^strategies\/(?!peers)/,
      /^workloads\/(workload|stages\/stages|read-file|tsconfig-limits)\.ts$/,
      /^workloads\/task-(file|identity|findings)\.ts$/,
      /^(services|control)\//,
    ],
  },
  { files: /^agent\//, may: [/^(agent|runner|services)\//, /^strategies\/(?!peers)/, /^workloads\//] },
  { files: /^index\.ts$/, may: [/^(strategies\/(?!peers)|workloads\/|runner\/)/] },
  { files: /^bench\/(stats\/|errors\.ts)/, may: [/^bench\/(stats\/|errors\.ts)/] },
  {
    files: /^bench\/words\/(units|parse)\.ts$/,
    may: [/^bench\/errors\.ts$/, /^services\/limits\.ts$/, /^strategies\/strategy\.ts$/],
  },
  {
    files: /^bench\/tables\//,
    may: [
      /^bench\/(tables\/|stats\/|errors\.ts)/,
      /^strategies\/(strategy|processes\/cores)\.ts$/,
      /^runner\/recommendation\.ts$/,
      /^workloads\/documents\.ts$/,
    ],
  },
  {
    files: /^bench\/verdict\//,
    may: [/^bench\/(verdict|tables|stats|words)\//, /^strategies\/strategy\.ts$/],
  },
  { files: /^plots\/index\.ts$/, may: [/^plots\//] },
  {
    files: /^plots\//,
    may: [
      /^plots\/(?!index)/,
      /^bench\/tables\/((trial|summary|comparison|scaling|situation|slo|stage)-columns|arrival-summary)\.ts$/,
      /^bench\/tables\/(memory|table)\.ts$/,
      /^bench\/words\/units\.ts$/,
    ],
  },
  // Only commands and scripts know the lists.
  { files: /^bench\/(cli\/|scripts\/|cli\.ts)/, may: [/./] },
  {
    files: /^bench\/report\//,
    may: [/^bench\/(?!cli|scripts)/, terminal, /^strategies\/strategy\.ts$/, /^plots\/(chart|looks)\.ts$/],
  },
  // The bench knows the two contracts and never an implementation. It starts a Redis as strategies do.
  {
    files: /^bench\//,
    may: [
      /^bench\/(?!cli|scripts)/,
      terminal,
      /^strategies\/(strategy|processes\/(cores|end-with-parent|folder-name|memory-share|split))\.ts$/,
      /^strategies\/session\/(outcome|task-error|file-reader|pushed-source|source)\.ts$/,
      /^strategies\/broker\/(own-redis|address)\.ts$/,
      /^strategies\/worker\/(clock|usage-report|worker-id)\.ts$/,
      /^runner\/(recommendation|adaptive|cache-use)\.ts$/,
      /^workloads\/(workload|load-workload|source-stack|services\/service)\.ts$/,
      /^workloads\/(task-file|task-findings|tsconfig-limits)\.ts$/,
      /^workloads\/stages\/(stages|open-stage|stage-error)\.ts$/,
      /^control\/allotment\.ts$/,
      /^workloads\/(documents|files|file-walk|read-file|synthetic|temporary)\.ts$/,
      /^services\//,
    ],
  },
];
/** A type of list entries, which the commands hand to the bench. */
const exceptions = new Set(['bench/trials/request.ts -> workloads/index.ts']);

const root = fileURLToPath(new URL('../../..', import.meta.url));
const files = ['bench', 'runner', 'strategies', 'workloads', 'plots', 'services', 'control', 'agent']
  .filter((folder) => existsSync(join(root, folder)))
  .flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  .concat('index.ts')
  .filter((file) => /\.c?ts$/.test(file))
  .map((file) => file.split(sep).join('/'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(
    ([, specifier]) => specifier as string,
  );
  return specifiers.map((specifier) =>
    relative(root, join(root, dirname(file), specifier))
      .split(sep)
      .join('/')
      .replace(/\.js$/, '.ts'),
  );
}

it('imports go one way', () => {
  assert.ok(files.length > 40);
  for (const file of files) {
    const layer = layers.find(({ files }) => files.test(file));
    for (const target of importsOf(file)) {
      if (target === 'package.json' || exceptions.has(`${file} -> ${target}`)) continue;
      assert.ok(
        layer?.may.some((allowed) => allowed.test(target)),
        `${file} may not import ${target}`,
      );
    }
  }
});

it('there is no cycle', () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    assert.ok(!path.includes(file), [...path, file].join(' -> '));
    if (done.has(file)) return;
    for (const target of importsOf(file)) if (target.endsWith('.ts')) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

it('a command loads its modules when it is called, and not when another one is', () => {
  const folder = join(root, 'bench/cli/command-line');
  const text = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n');
  assert.ok((text.match(/await import\('\.\.\/commands\//g) ?? []).length > 5);
  assert.doesNotMatch(text, /from '\.\.\/commands\//);
});
