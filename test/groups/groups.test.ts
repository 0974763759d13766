import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { planOf } from '../../bench/groups/plan.js';
import { folderOf, type Line, run, start } from '../job/job.js';
import { until } from '../processes.js';

const lines = (path: string): (Line & { readonly group: string })[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** A folder with documents of two groups, and a job file. */
function jobOf(text: string): string {
  const folder = folderOf({ 'a.txt': 'one', 'b.txt': 'two \u2028 three' });
  mkdirSync(join(folder, 'more'));
  writeFileSync(join(folder, 'more', 'c.txt'), 'bad one');
  writeFileSync(join(folder, 'more', 'a.txt'), 'four');
  writeFileSync(
    join(folder, 'count.mjs'),
    `export default async (outcomes, { group, options }) => {
       const seen = [];
       for await (const { id, status, group } of outcomes) seen.push([group, id, status].join(' '));
       return { group, options, seen: seen.sort() };
     };`,
  );
  writeFileSync(
    join(folder, 'options.mjs'),
    "export const kind = 'cpu'; export default (_document, { options }) => options;",
  );
  writeFileSync(join(folder, 'forkwise.config.yaml'), text);
  return folder;
}

describe('groups', () => {
  it('are refused where their folder is a file', async () => {
    const folder = jobOf(
      'task: ./task.mjs\nstrategy: sequential\nout: task.mjs\ngroups: { a: { docs: docs } }\n',
    );
    const { code, stderr } = await run(folder, ['run']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--out ".*task\.mjs": expected a folder for the results of the groups, got a file/);
  });

  it('are refused where their folder cannot be made', async () => {
    const folder = jobOf(
      'task: ./task.mjs\nstrategy: sequential\nout: task.mjs/x\ngroups: { a: { docs: docs } }\n',
    );
    const { code, stderr } = await run(folder, ['run']);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--out ".*task\.mjs.x": expected a place for a new folder, but none .*; choose/);
  });

  it('run within the budget, are reduced, and go on', async () => {
    const folder = jobOf(`
task: ./task.mjs
strategy: thread-pool
out: out
resources: { cores: 1, memory: 1GB }
options: { language: en }
reduce: ./count.mjs
groups:
  last: { docs: docs, after: first, task: ./options.mjs, options: { limit: 3 }, reduce: ./count.mjs }
  first: { docs: more }
`);
    const { code, stdout, stderr } = await run(folder, ['run']);
    assert.equal(code, 4, stderr); // a document has failed, which stops nothing
    assert.match(stdout, /^last · 2 documents: 2 ok · thread-pool × 1/m);
    assert.match(stdout, /^first · 2 documents: 1 ok and 1 failed · thread-pool × 1/m);
    assert.ok(stderr.indexOf('first: 1 worker') < stderr.indexOf('last: 1 worker'));
    const last = lines(join(folder, 'out', 'last.ndjson'));
    assert.deepEqual(
      last.map(({ id, group, value }) => ({ id, group, value })).sort((a, b) => (a.id < b.id ? -1 : 1)),
      ['docs/a.txt', 'docs/b.txt'].map((id) => ({ id, group: 'last', value: { language: 'en', limit: 3 } })),
    );
    const reduced = (name: string) => JSON.parse(readFileSync(join(folder, 'out', name), 'utf8'));
    assert.deepEqual(reduced('last.reduced.json'), {
      group: 'last',
      options: { language: 'en', limit: 3 },
      seen: ['last docs/a.txt ok', 'last docs/b.txt ok'],
    });
    const all = [
      'first more/a.txt ok',
      'first more/c.txt failed',
      'last docs/a.txt ok',
      'last docs/b.txt ok',
    ];
    assert.deepEqual(reduced('reduced.json'), { group: null, options: { language: 'en' }, seen: all });
    // A line is taken out, as if the job had been killed before; the same command does this document alone.
    const file = join(folder, 'out', 'first.ndjson');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/^.*"more\/a\.txt".*\n/m, ''));
    rmSync(join(folder, 'out', 'reduced.json'));
    const again = await run(folder, ['run', '--json']);
    const { groups } = JSON.parse(again.stdout) as {
      groups: { group: string; earlier: number; ok: number }[];
    };
    assert.deepEqual(
      groups.map(({ group, earlier, ok }) => [group, earlier, ok]),
      [
        ['last', 2, 2],
        ['first', 1, 1],
      ],
    );
    assert.deepEqual(reduced('reduced.json').seen, all);
  });

  it('are refused before they begin where a module cannot reduce them', async () => {
    const modules: readonly (readonly [text: string | null, expected: RegExp])[] = [
      [null, /^error: reduce "\.\/sum\.mjs": there is no such file/m],
      ['export default (', /^error: reduce "\.\/sum\.mjs" does not compile: .*sum\.mjs:1/m],
      [
        'export const a = 1;',
        /^error: reduce "\.\/sum\.mjs": .*default export to be a function.*, got none/m,
      ],
      ['import "nowhere";', /^error: reduce "\.\/sum\.mjs".*nowhere/m],
    ];
    const folder = jobOf('task: ./task.mjs\nstrategy: sequential\ndocs: docs\nout: out\nreduce: ./sum.mjs\n');
    for (const [text, expected] of modules) {
      if (text !== null) writeFileSync(join(folder, 'sum.mjs'), text);
      const { code, stderr } = await run(folder, ['run']);
      assert.equal(code, 3, stderr);
      assert.match(stderr, expected);
      assert.equal(existsSync(join(folder, 'out')), false);
    }
  });

  it('say which module could not reduce them, and where', async () => {
    const folder = jobOf('task: ./task.mjs\nstrategy: sequential\ndocs: docs\nout: out\nreduce: ./sum.mjs\n');
    writeFileSync(
      join(folder, 'sum.mjs'),
      'export default async (outcomes) => {\n  for await (const { no } of outcomes) no.such();\n};\n',
    );
    const { code, stderr } = await run(folder, ['run']);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /^error: reduce "\.\/sum\.mjs": TypeError: .*such.* \(at .*sum\.mjs:2:\d+\)$/m);
    assert.equal(lines(join(folder, 'out')).length, 2, 'the outcomes are there');
  });

  it('that fail stop the others only if they are asked to', async () => {
    const text = (stop: boolean) => `
task: ./task.mjs
strategy: sequential
out: out
groups:
  bad: { docs: more, stopOnFailure: ${stop} }
  other: { docs: docs }
`;
    const folder = jobOf(text(true));
    for (const [option, value] of [
      ['--order', 'input'],
      ['--shards', 'other'],
    ] as const) {
      const refused = await run(folder, ['run', option, value]);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /with groups in the job file, got/);
    }
    const stopped = await run(folder, ['run']);
    assert.equal(stopped.code, 4, stopped.stderr);
    assert.match(stopped.stdout, /^other · not run: the job was stopped/m);
    writeFileSync(join(folder, 'forkwise.config.yaml'), text(false));
    const ended = await run(folder, ['run']);
    assert.match(ended.stdout, /^other · 2 documents: 2 ok/m);
  });

  it('are not done after one that could not run, and all others are', async () => {
    const folder = jobOf(`
task: ./task.mjs
strategy: thread-pool
out: out
groups:
  broken: { docs: docs, task: ./setup.mjs }
  next: { docs: docs, after: [broken] }
  other: { docs: more/a.txt }
`);
    writeFileSync(
      join(folder, 'setup.mjs'),
      "export const kind = 'cpu'; export const setup = () => { throw new Error('no database'); };" +
        'export default () => 1;',
    );
    const { code, stdout, stderr } = await run(folder, ['run']);
    assert.equal(code, 4, stderr);
    assert.match(stderr, /error: group "broken": .*no database/);
    assert.match(stdout, /^next · not run: group "broken" was not done/m);
    assert.match(stdout, /^other · 1 document: 1 ok/m);
  });

  it('that are stopped finish the documents in progress, and go on', async () => {
    const folder = jobOf(`
task: ./task.mjs
strategy: thread-pool
out: out
resources: { cores: 2 }
groups:
  slow: { docs: slow }
  next: { docs: docs, after: slow }
`);
    mkdirSync(join(folder, 'slow'));
    writeFileSync(join(folder, 'slow', '1.txt'), 'one');
    const gate = join(folder, 'gate');
    for (const name of ['2', '3', '4', '5'])
      writeFileSync(join(folder, 'slow', `${name}.txt`), `gate ${gate}`);
    const { child, result, ended } = start(folder, ['run']);
    const file = join(folder, 'out', 'slow.ndjson');
    await until(() => child.exitCode !== null || (existsSync(file) && lines(file).length > 0));
    child.kill('SIGINT');
    await until(() => child.exitCode !== null || /finishing the documents/.test(result.stderr));
    writeFileSync(gate, '');
    const { code, stdout, stderr } = await ended;
    assert.equal(code, 130, stderr);
    assert.match(stdout, /^next · not run: the job was stopped/m);
    assert.match(stderr, /stopped; to go on: forkwise run$/m);
    assert.equal((await run(folder, ['run'])).code, 0);
    assert.deepEqual(
      lines(file)
        .map(({ id }) => id)
        .sort(),
      ['1', '2', '3', '4', '5'].map((name) => `slow/${name}.txt`),
    );
  });

  it('whose service fails every document stop alone, ask it from one session, and go on', async () => {
    const folder = folderOf(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`${i}.txt`, 'x'])));
    const up = join(folder, 'up');
    writeFileSync(
      join(folder, 'asks.mjs'),
      `import { existsSync } from 'node:fs';
       export default ({ id }) => {
         if (id === 'docs/1.txt' || existsSync(${JSON.stringify(up)})) return 'fine';
         throw Object.assign(new Error('no service'), { status: 503 });
       };`,
    );
    writeFileSync(
      join(folder, 'forkwise.config.yaml'),
      `
strategy: thread-pool
out: out
docs: docs
resources: { cores: 2 }
groups:
  asks: { task: ./asks.mjs, tries: 2, circuit: '1800ms,failures=5,first=1500ms' }
  other: { task: ./task.mjs }
`,
    );
    const stopped = await run(folder, ['run']);
    assert.equal(stopped.code, 4, stopped.stderr);
    assert.match(stopped.stderr, /warning: asks: .* documents wait, and one tries again in 2 s/);
    assert.match(stopped.stdout, /^asks · not done: the service .* \(Error: no service\)/m);
    assert.match(stopped.stdout, /^other · 200 documents: 200 ok/m);
    assert.doesNotMatch(stopped.stderr, /asks: 1 worker more/, 'another session would not know of the pause');
    const failed = lines(join(folder, 'out', 'asks.ndjson'));
    assert.ok(failed.length >= 5 && failed.length < 20, `${failed.length} lines`);
    writeFileSync(up, '');
    const again = await run(folder, ['run', '--retry', 'failed']);
    assert.equal(again.code, 0, again.stderr);
    assert.equal(lines(join(folder, 'out', 'asks.ndjson')).length, 200);
  });

  it('that wait for each other, or for none, are refused', () => {
    const plan = (groups: object) =>
      planOf({ path: 'job.ts', folder: '.', content: { groups }, at: () => 'job.ts' });
    assert.throws(
      () => plan({ a: { after: 'b' }, b: { after: ['c'] }, c: { after: 'a' } }),
      /a after b after c after a/,
    );
    assert.throws(() => plan({ a: { after: 'a' } }), /got a after a/);
    assert.throws(() => plan({ parse: {}, b: { after: 'parze' } }), /"parze"; did you mean "parse"\?/);
    assert.equal(planOf({ path: 'job.ts', folder: '.', content: {}, at: () => 'job.ts' }), null);
  });
});
