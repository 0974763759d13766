import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { program } from '../../bench/cli/command-line.js';
import { checkJobFile, givenTo, jobCommands } from '../../bench/config/check-job-file.js';
import { flagsOf } from '../../bench/config/flags.js';
import { readJobFile } from '../../bench/config/job-file.js';
import { jobKeys } from '../../bench/config/job-keys.js';
import { jobFileSchema } from '../../bench/config/schema.js';
import { linesIn, folderOf as madeFolder, run } from '../job/job.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-config-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
async function jobFile(ending: string, text: string) {
  const path = join(folder, `job-${files++}.${ending}`);
  writeFileSync(path, text);
  const job = await readJobFile(path);
  checkJobFile(job, program.commands, jobKeys);
  return job;
}
const command = (name: string) => {
  const found = program.commands.find((command) => command.name() === name);
  assert.ok(found);
  return found;
};

describe('a job file', () => {
  const texts: Record<string, string> = {
    yaml: 'workers: 3\nstrategies: [queue, thread-pool]\npick:\n  timeBudget: 20s\n  workers: 1\n',
    json: '{ "workers": 3, "strategies": ["queue", "thread-pool"], "pick": { "timeBudget": "20s" } }',
    js: "export default { workers: 3, strategies: ['queue', 'thread-pool'], pick: { timeBudget: '20s' } };",
    ts:
      'const workers: number = 3;\n' +
      "export default { workers, strategies: ['queue', 'thread-pool'], pick: { timeBudget: '20s' } };",
  };
  it('may be TypeScript, JavaScript, JSON or YAML', async () => {
    for (const [ending, text] of Object.entries(texts)) {
      if (ending === 'yaml') continue;
      const job = await jobFile(ending, text);
      assert.equal(givenTo(job, command('run'), 'workers')?.value, 3, ending);
      assert.deepEqual(givenTo(job, command('bench'), 'strategies')?.value, ['queue', 'thread-pool'], ending);
      assert.equal(givenTo(job, command('pick'), 'timeBudget')?.value, '20s', ending);
    }
  });

  const refused: [what: string, ending: string, text: string, message: RegExp][] = [
    ['a misspelt key', 'yaml', 'docs: a\nworker: 3\n', /:2: unknown key "worker"; did you mean "workers"\?/],
    [
      'a misspelt key in a section',
      'json',
      '{\n"run": {\n"retri": "failed" } }',
      /:3: unknown key "retri" in "run"; did you mean "retry"\?$/,
    ],
    [
      'an option of another command',
      'yaml',
      'run:\n  timeBudget: 3s\n',
      /:2: unknown key "timeBudget" in "run" \(expected one of: task, docs/,
    ],
    [
      'a word for a number',
      'yaml',
      'task: a.ts\nworkers: many\n',
      /:2: workers: expected a whole number like 4, got "many"/,
    ],
    [
      'a number for a duration',
      'json',
      '{ "timeout": 30 }',
      /:1: timeout: expected a duration like 30s, got 30/,
    ],
    ['nothing', 'yaml', 'docs:\n', /:1: docs: expected a folder or a glob, got nothing/],
    ['a list for a path', 'yaml', 'task: [a, b]\n', /:1: task: expected the path of a file, got a list/],
    [
      'a text for a switch',
      'js',
      "export default { force: 'yes' }",
      /force: expected true or false, got "yes"/,
    ],
    ['a section that is none', 'yaml', 'run: 3\n', /:1: run: expected an object, got 3/],
    [
      'a misspelt key of a group',
      'yaml',
      'groups:\n  a:\n    doc: x\n',
      /:3: unknown key "doc" in "groups.a"; did you mean "docs"\?$/,
    ],
    [
      'the option whose key is another word',
      'yaml',
      'config: a.json\n',
      /:1: unknown key "config"; --config is "recommendation"/,
    ],
    [
      'a text that is no duration',
      'yaml',
      'docs: a\ntimeout: 30 turns\n',
      /:2: timeout: expected a duration like 30s, got "30 turns"/,
    ],
    ['a bad size', 'yaml', 'resources: { memory: much }\n', /:1: resources.memory: expected a size like/],
    ['no groups', 'json', '{ "groups": {} }', /:1: groups: expected groups by name, got none$/],
    ['a list', 'yaml', '- a\n', /expected an object of options, got a list/],
    ['a module without options', 'ts', 'export const a: number = 1;', /as the default export, got nothing/],
    ['YAML that is none', 'yaml', 'a: {\nb', /:2:1: Flow map/],
    ['a module that throws', 'js', "throw new Error('no such stage')", /: no such stage/],
    [
      'a module that does not compile',
      'ts',
      'export default {',
      /does not compile: .*job-\d+\.ts:1:17: Expected identifier/,
    ],
  ];
  it('may be a promise in a module, and share what groups have in common in YAML', async () => {
    const module = await jobFile('mjs', 'export default Promise.resolve({ workers: 3 });');
    assert.deepEqual(module.content, { workers: 3 });
    const yaml = 'groups:\n  a: &a { docs: x, timeout: 5s }\n  b: { <<: *a, after: a }\n';
    const { groups } = (await jobFile('yaml', yaml)).content;
    assert.deepEqual(groups, {
      a: { docs: 'x', timeout: '5s' },
      b: { docs: 'x', timeout: '5s', after: 'a' },
    });
  });

  it('is a file', () => assert.rejects(readJobFile(folder), /expected a file, got a folder/));

  for (const [what, ending, text, message] of refused)
    it(`is refused with ${what}`, () => assert.rejects(jobFile(ending, text), message));

  it('has a schema that takes what is taken, and refuses what is refused', async () => {
    const valid = new Ajv({ allowUnionTypes: true }).compile(jobFileSchema(program.commands));
    for (const [ending, text] of Object.entries(texts))
      if (ending !== 'yaml') assert.ok(valid((await jobFile(ending, text)).content), ending);
    const groups = { a: { docs: 'a', after: 'b', resources: { cores: 2, memory: '1GB' } }, b: { docs: 'b' } };
    for (const given of [
      { timeout: '1.5h', cacheSize: '64 KiB' },
      { grace: '250ms', order: 'input' },
    ])
      assert.ok(valid(given), JSON.stringify(given));
    assert.ok(valid({ groups, reduce: 'r.ts', stopOnFailure: true, options: { x: 1 } }));
    for (const wrong of [{ doc: 'a' }, { resources: { core: 1 } }, { out: 'a' }, { after: 3 }])
      assert.equal(valid({ groups: { a: wrong } }), false, JSON.stringify(wrong));
    for (const content of [{ worker: 3 }, { workers: 'many' }, { timeout: 30 }, { timeout: '3' }, { run: 3 }])
      assert.equal(valid(content), false, JSON.stringify(content));
  });

  it('has a key for every option of every command that reads it', () => {
    const { properties } = jobFileSchema(program.commands) as { properties: Record<string, object> };
    assert.ok(jobCommands(program.commands).length >= 4);
    for (const command of jobCommands(program.commands)) {
      const section = properties[command.name()] as { properties: Record<string, object> };
      for (const option of command.options) {
        const [flag] = flagsOf(command).filter(({ name }) => name === option.attributeName());
        if (option.attributeName() === 'job') assert.equal(flag, undefined);
        else assert.ok(flag && section.properties[flag.key] && properties[flag.key], option.long);
      }
      assert.ok(
        !flagsOf(command).some(({ key }) =>
          jobCommands(program.commands).some((other) => other.name() === key),
        ),
      );
    }
  });
});

describe('values', () => {
  it('come from the command line, then a variable, then the job file, then the default', async () => {
    const cwd = madeFolder({});
    mkdirSync(join(cwd, 'jobs'));
    writeFileSync(
      join(cwd, 'jobs', 'a.yaml'),
      'task: ../task.mjs\ndocs: ./in/**\nworkers: 3\ntimeout: 4s\ngrace: 5s\n' +
        'run:\n  grace: 6s\nout: o.ndjson\n',
    );
    const env = { FORKWISE_WORKERS: '4', FORKWISE_TIMEOUT: '7s', FORKWISE_JSON: 'true' };
    Object.assign(process.env, env);
    const args = ['config', 'run', '--json', '--job', 'jobs/a.yaml', '--timeout', '8s'];
    const { stdout, stderr, code } = await run(cwd, args);
    for (const name of Object.keys(env)) delete process.env[name];
    assert.equal(code, 0, stderr);
    const found: Record<string, unknown[]> = {};
    for (const { option, value, origin } of JSON.parse(stdout).commands.run) found[option] = [value, origin];
    const job = (line: number) => `jobs/a.yaml:${line}`;
    assert.deepEqual(found, {
      ...found,
      '--task': ['./task.mjs', job(1)],
      '--docs': ['./jobs/in/**', job(2)],
      '--workers': ['4', 'FORKWISE_WORKERS'],
      '--timeout': ['8s', 'command line'],
      '--grace': ['6s', job(7)],
      '--out': ['./jobs/o.ndjson', job(8)],
      '--json': [true, 'FORKWISE_JSON'],
      '--changed': ['keep', 'default'],
    });
  });

  it('of the command line are refused where they are of another kind', async () => {
    const cwd = madeFolder({});
    const wrong: [command: string, option: string, value: string, expected: string][] = [
      ['pick', '--time-budget', '30x', 'a duration like 30s'],
      ['bench', '--rounds', 'abc', 'a whole number like 4'],
      ['run', '--workers', '-3', 'a whole number like 4'],
    ];
    for (const [command, option, value, expected] of wrong) {
      const { code, stdout, stderr } = await run(cwd, ['config', command, option, value]);
      assert.equal(code, 2, stderr);
      assert.ok(stderr.includes(`${option}: expected ${expected}, got "${value}"`), stderr);
      assert.equal(stdout, '');
    }
  });

  it('of groups are printed as well, with those of the command line before them', async () => {
    const cwd = madeFolder({});
    const job =
      'resources: { cores: 2 }\ngroups:\n  a:\n    docs: x\n    timeout: 4s\n    after: b\n  b: {}\n';
    writeFileSync(join(cwd, 'a.yaml'), job);
    const { stdout } = await run(cwd, ['config', 'run', '--json', '--job', 'a.yaml', '--timeout', '8s']);
    const { ofJob, groups } = JSON.parse(stdout);
    assert.deepEqual(ofJob, [{ option: 'resources', value: { cores: 2 }, origin: 'a.yaml:1' }]);
    assert.deepEqual(groups, {
      a: [
        { option: '--docs', value: 'x', origin: 'a.yaml:4' },
        { option: '--timeout', value: '8s', origin: 'command line' },
        { option: 'after', value: 'b', origin: 'a.yaml:6' },
      ],
      b: [],
    });
    const all = await run(cwd, ['config', '--job', 'a.yaml']);
    assert.match(all.stdout, /^group a \(run\)\n {2}--docs +x +a\.yaml:4$/m);
  });

  it('of groups are for `run`, and other commands say that they leave them out', async () => {
    const cwd = madeFolder({ 'a.txt': 'one' });
    writeFileSync(join(cwd, 'a.yaml'), 'task: ./task.mjs\ngroups:\n  a:\n    docs: docs\n');
    const { code, stderr } = await run(cwd, ['pick', '--job', 'a.yaml']);
    assert.match(stderr, /^a\.yaml:2: the groups are for `run`: `pick` takes the options beside them$/m);
    assert.equal(code, 2, 'expected pick to ask for --docs');
  });
});

describe('run', () => {
  it('takes the job file of its folder, and --serial gives the same lines', async () => {
    const cwd = madeFolder({ 'a.txt': 'one', 'b.txt': 'bad two', 'c.txt': 'three', 'd.txt': 'bad four' });
    writeFileSync(
      join(cwd, 'forkwise.config.yaml'),
      'task: ./task.mjs\ndocs: docs\nout: out.ndjson\nstrategy: process-pool\nworkers: 2\n',
    );
    const ended = await run(cwd, ['run']);
    assert.equal(ended.code, 4, ended.stderr);
    assert.match(ended.stderr, /^job file: forkwise\.config\.yaml/);
    assert.match(ended.stdout, /process-pool × 2/);
    const lines = () =>
      linesIn(cwd)
        .map((line) => (line.error === undefined ? line : { ...line, error: { ...line.error, stack: '' } }))
        .sort((a, b) => (a.id < b.id ? -1 : 1));
    const parallel = lines();
    assert.equal(parallel.length, 4);
    rmSync(join(cwd, 'out.ndjson'));
    const serial = await run(cwd, ['run', '--serial', '--workers', '2']);
    assert.match(serial.stdout, /sequential × 1/);
    assert.deepEqual(lines(), parallel);
    const shards = await run(cwd, ['run', '--serial', '--shards', 'shards']); // in place of the file's `out`
    assert.match(shards.stdout, /1 shard in shards$/m);
    const ignored = await run(cwd, ['run', '--no-job']);
    assert.equal(ignored.code, 2);
    assert.match(ignored.stderr, /^error: expected --docs/);
    process.env.FORKWISE_NO_JOB = 'true';
    const ignoring = await run(cwd, ['run']);
    delete process.env.FORKWISE_NO_JOB;
    assert.match(ignoring.stderr, /^error: expected --docs/);
  });
});
