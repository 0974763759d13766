import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

/** Imports go one way, types included. A file may import what its layer lists, and files beside it in the same layer. */
const layers: { files: RegExp; may: RegExp[] }[] = [
  { files: /^workloads\/index\.ts$/, may: [] },
  { files: /^workloads\//, may: [/^workloads\/(?!index)/] },
  { files: /^strategies\/(peers\/)?index\.ts$/, may: [/^strategies\/strategy\.ts$/] },
  { files: /^strategies\/peers\//, may: [/^strategies\/(?!(peers\/)?index)/, /^workloads\/workload\.ts$/] },
  { files: /^strategies\//, may: [/^strategies\/(?!index|peers)/, /^workloads\/workload\.ts$/] },
  { files: /^bench\/(stats|units|errors|group-by)/, may: [/^bench\/(stats|errors|group-by)/] },
  {
    files: /^bench\/results\//,
    may: [/^bench\/(results|stats|errors|group-by)/, /^strategies\/(cores|recommendation)\.ts$/, /^workloads\/documents\.ts$/],
  },
  // What hands a chosen strategy over to production: it knows the lists, and nothing of measuring.
  { files: /^runner\//, may: [/^runner\//, /^strategies\/(?!peers)/, /^workloads\/(workload|task-file)\.ts$/] },
  { files: /^bench\/verdict\//, may: [/^bench\/(verdict|results|stats|units|group-by)/] },
  {
    files: /^plots\//,
    may: [
      /^plots\/(?!index)/,
      /^bench\/results\/(columns|comparison-columns|scaling-columns|situation-columns)\.ts$/,
      /^bench\/units\.ts$/,
    ],
  },
  { files: /^plots\/index\.ts$/, may: [/^plots\//] },
  { files: /^bench\/(commands\/|cli\.ts)/, may: [/./] },
  { files: /^index\.ts$/, may: [/^(strategies\/(?!peers)|workloads\/|runner\/)/] },
  {
    files: /^bench\/report\//,
    may: [/^bench\/(?!commands|cli)/, /^strategies\/strategy\.ts$/, /^plots\/(chart|style)\.ts$/],
  },
  // The bench knows the two contracts and never an implementation.
  {
    files: /^bench\//,
    may: [
      /^bench\/(?!commands|cli)/,
      /^strategies\/(strategy|outcome|clock|member|cores|recommendation)\.ts$/,
      /^workloads\/(workload|task-file|documents|synthetic|services\/service)\.ts$/,
    ],
  },
];
/** A type of list entries, which the commands hand to the bench. */
const exceptions = new Set(['bench/request.ts -> workloads/index.ts']);

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = ['bench', 'runner', 'strategies', 'workloads', 'plots']
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)))
  .concat('index.ts')
  .filter((file) => /\.c?ts$/.test(file))
  .map((file) => file.split(sep).join('/'));

function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map(([, specifier]) => specifier as string);
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
