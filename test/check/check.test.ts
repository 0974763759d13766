import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type CheckResult, resultText } from '../../bench/check/result.js';
import { colorsFor } from '../../bench/cli/terminal.js';
import { cli, onlyLong } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'docs'));
for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, 'docs', `${name}.txt`), name.repeat(100));
mkdirSync(join(folder, 'tmp'));
const env = { XDG_CACHE_HOME: join(folder, 'cache'), TMPDIR: join(folder, 'tmp') };

async function check(
  name: string,
  source: string,
  ...args: string[]
): Promise<{ code: number; result: CheckResult; said: (id: string) => string[] }> {
  writeFileSync(join(folder, name), source);
  const { code, stdout, stderr } = await cli(
    ['check', '--task', name, '--docs', 'docs', '--json', ...args],
    folder,
    env,
  );
  assert.notEqual(stdout, '', stderr);
  assert.deepEqual(readdirSync(join(folder, 'tmp')), [], 'nothing is left behind');
  const result = JSON.parse(stdout) as CheckResult;
  const said = (id: string) =>
    result.findings.filter((finding) => finding.id === id).map(({ level, said }) => `${level}: ${said}`);
  for (const { level, id, remedy } of result.findings) {
    if (level === 'error' || level === 'warning')
      assert.ok(remedy !== undefined || id === 'compiles', `${id} says what to do`);
  }
  return { code, result, said };
}

describe('forkwise check', () => {
  it('finds a sound task sound, in a table for people', async () => {
    writeFileSync(
      join(folder, 'sound.ts'),
      'export default ({ bytes }: { bytes: Uint8Array }) => ({ length: bytes.length });',
    );
    const { code, stdout, stderr } = await cli(
      ['check', '--task', 'sound.ts', '--documents', '2'],
      folder,
      env,
    );
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^sound on 2 made-up documents, 20 KB\n/);
    assert.match(
      stdout,
      /main thread +done +[\d.]+ ms +2 +0\ntwo threads at once +done .*\nchild process +done/,
    );
    assert.match(stdout, /^time per document +[\d.]+ ms \(median\)/m);
    assert.match(stdout, /^note +documents +the documents were made up.*\n +→ try it on yours: --docs/m);
    assert.match(stdout, /\nSound: it can be measured, and used in workers\.\n$/);
  });

  it('calls a task with a warning neither sound nor unsound', async () => {
    const { result } = await check(
      'half.ts',
      "export default ({ id }) => { if (id === 'docs/a.txt') throw new Error('no page'); };",
    );
    assert.equal(result.sound, true);
    const text = resultText(result, colorsFor({ isTTY: false } as NodeJS.WriteStream));
    assert.match(text, /\nIt runs in every kind of worker, but see the lines marked warning\.\n$/);
  });

  it('sees calls that are traps in a worker, and keeps what is printed out of its own output', async () => {
    const { code, said, result } = await check(
      'traps.ts',
      `import { chdir, umask } from 'node:process';
       process.on('SIGTERM', () => {});
       export default ({ id }: { id: string }) => {
         console.log('{ "this is": "no result" }');
         umask();
         if (id.includes('a.txt')) chdir('.');
         if (id.includes('b.txt')) process.exit(3);
         process.send?.(null);
         return id;
       };`,
    );
    assert.equal(code, 3);
    assert.equal(result.sound, false);
    assert.deepEqual(said('trap-exit'), ['error: calls process.exit (twice)']);
    assert.deepEqual(said('trap-chdir'), ['warning: calls process.chdir (twice)']);
    assert.deepEqual(said('trap-signals'), ['warning: calls process.on(signal) (once)']);
    assert.deepEqual(said('trap-send'), ['warning: calls process.send (4 times)']);
    assert.deepEqual(said('trap-umask'), [], 'asking is no trap');
    assert.deepEqual(said('stdout'), ['warning: prints to standard output: 6 times, 162 B']);
    assert.match(
      said('failures').join(),
      /fails on 1 of 3 documents: ".*b\.txt" \(process\.exit\(3\) was called\)/,
    );
    assert.match(
      said('places').join('\n'),
      /two threads at once: 1 document failed here but worked .*: ".*a\.txt" \(process\.chdir\(\)/,
    );
  });

  it('sees results that cannot leave a worker, or that differ between passes or places', async () => {
    const { code, said } = await check(
      'results.ts',
      `import { isMainThread } from 'node:worker_threads';
       let count = 0;
       export default ({ id }: { id: string }) => {
         if (id.includes('a.txt')) return { items: [{ parse: () => 1 }] };
         if (id.includes('b.txt')) return count++;
         return isMainThread;
       };`,
    );
    assert.equal(code, 3);
    assert.match(
      said('cloneable').join(),
      /^error: 1 of 3 results cannot leave a worker: ".*a\.txt" \(.*items\[0\]\.parse is a function\)$/,
    );
    assert.match(
      said('deterministic').join(),
      /^error: two passes gave different results for 1 of 3 documents: ".*b\.txt"$/,
    );
    assert.match(
      said('places').join('\n'),
      /error: two threads at once: 1 result differs from the main thread: ".*c\.txt"/,
    );
  });

  it('finds nothing wrong with a task that writes into its bytes, or gives their memory away', async () => {
    const { code, result } = await check(
      'takes.mjs',
      `export default ({ id, bytes }) => {
         const first = bytes[0];
         if (id.includes('a.txt')) structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
         else bytes.fill(1);
         return first;
       };`,
    );
    assert.equal(code, 0);
    assert.deepEqual(
      result.findings.filter(({ level }) => level === 'warning' || level === 'error'),
      [],
    );
  });

  it('sees a digest that needs the class of a result', async () => {
    const { code, said } = await check(
      'digest.ts',
      `class Tree { nodes = 3; hash() { return String(this.nodes); } }
       export default () => new Tree();
       export const digest = (tree: Tree) => tree.hash();`,
    );
    assert.equal(code, 3);
    assert.match(
      said('digest').join(),
      /^error: digest threw on a result of two threads at once: tree\.hash is not a function$/,
    );
  });

  it('warns of large results and memory, and is sound all the same', onlyLong, async () => {
    const { code, said, result } = await check(
      'large.mjs',
      `export default ({ id }) => new Uint8Array(id.endsWith('/c.txt') ? 12_000_000 : 10).fill(7);`,
    );
    assert.equal(code, 0);
    assert.deepEqual(said('result-size'), ['warning: the largest result takes 12 MB']);
    assert.ok((result.measures?.memory_bytes ?? 0) > 10e6);
  });

  it('tells a task that throws when it is loaded, and looks no further', async () => {
    const { code, said, result } = await check(
      'throws.mjs',
      "throw new Error('no licence'); export default () => 1;",
    );
    assert.equal(code, 3);
    const [text = '', ...others] = said('loads');
    assert.match(
      text,
      /^error: does not load in main thread: .* failed to load: no licence \(at .*throws\.mjs:1:7\)$/,
    );
    assert.deepEqual(others, []);
    assert.deepEqual(
      result.places.map(({ state }) => state),
      ['ended', 'skipped', 'skipped'],
    );
  });

  it('says how to export a task where there is none, or no function', async () => {
    for (const source of ['export const clean = () => 1;', 'export default 3;']) {
      const { code, result } = await check('no-task.mjs', source);
      assert.equal(code, 3);
      const [{ said = '', remedy = '' } = {}] = result.findings;
      assert.match(said, /expected a default export that is a function/);
      assert.match(remedy, /^export the task: `export default function \(document\) \{ \.\.\. \}`/);
    }
  });

  it('outlives a task that ends its process or never ends, and names the document', async () => {
    const killed = await check(
      'kills.mjs',
      "export default ({ id }) => { if (id.includes('b.txt')) process.kill(process.pid, 'SIGKILL'); };",
    );
    assert.equal(killed.code, 3);
    assert.match(
      killed.said('workers-end').join(),
      /^error: main thread: the process ended with SIGKILL \(with document ".*b\.txt"\)$/,
    );
    const hangs = await check(
      'hangs.mjs',
      "export default ({ id }) => { for (; id.includes('c.txt'); ); return 1; };",
      '--timeout',
      '100ms',
    );
    assert.equal(hangs.code, 3);
    assert.match(
      hangs.said('time-limit').join(),
      /^error: main thread: document ".*c\.txt" was still running after 0\.1 s$/,
    );
  });

  it('says of no check that it was ok where no document was', async () => {
    const stopped = await check(
      'never.mjs',
      'export default () => new Promise(() => {});',
      '--timeout',
      '100ms',
    );
    const failed = await check('fails.mjs', "export default () => { throw new Error('no page'); };");
    const fine = ({ result }: typeof failed) =>
      result.findings.filter(({ level }) => level === 'ok').map(({ id }) => id);
    assert.deepEqual(fine(stopped), ['loads']);
    assert.deepEqual(stopped.said('failures'), ['note: not tried: no document ended in time']);
    assert.deepEqual(stopped.said('places'), [
      'note: two threads at once: not tried: no document ended in time',
      'note: child process: not tried: no document ended in time',
    ]);
    assert.deepEqual(fine(failed), ['loads', 'places', 'places', 'grows']);
    for (const { code, result, said } of [stopped, failed]) {
      assert.equal(code, 3);
      assert.equal(result.measures?.waiting_percent, null);
      for (const id of ['cloneable', 'deterministic', 'in-flight', 'waiting'])
        assert.deepEqual(said(id), ['note: not tried: no document was ok'], id);
      const text = resultText(result, colorsFor({ isTTY: false } as NodeJS.WriteStream));
      assert.match(text, /^waiting +unknown$/m);
      assert.match(text, /\nNot sound: see the lines marked error\.\n$/);
      const kept = join(folder, 'cache', 'forkwise', 'tasks', `${result.task.sha256}.findings.json`);
      assert.doesNotMatch(readFileSync(kept, 'utf8'), /not tried/);
    }
  });

  it('says how many documents of the folder were tried, and that time was the reason', async () => {
    const { result } = await check(
      'slow.mjs',
      `let wait = 3_100;
       export default async () => { await new Promise((resolve) => setTimeout(resolve, wait)); wait = 1; };`,
    );
    assert.deepEqual(
      { ...result.documents, bytes: 0 },
      { count: 1, sampled: 3, found: 3, bytes: 0, made_up: false },
    );
    const text = resultText(result, colorsFor({ isTTY: false } as NodeJS.WriteStream));
    assert.match(text, /^slow on 1 of 3 documents, 100 B: more did not fit into 3 s\n/);
    const { result: sampled } = await check('few.mjs', 'export default () => 1;', '--documents', '1');
    const shown = resultText(sampled, colorsFor({ isTTY: false } as NodeJS.WriteStream));
    assert.match(shown, /^few on 1 of 3 documents, 100 B\n/);
    assert.match(shown, /^ok +failures +fails on none of 1 document$/m);
  });

  it('tells what does not compile as a finding', async () => {
    const { code, said, result } = await check('syntax.ts', 'export default () = > 1;');
    assert.equal(code, 3);
    assert.match(said('compiles').join(), /^error: does not compile: syntax\.ts:1:\d+: /);
    assert.equal(result.task.sha256, null);
  });

  const wrong: [args: string[], code: number, message: RegExp][] = [
    [[], 2, /required option '--task <file>'/],
    [['--task', 'nowhere.ts'], 2, /--task "nowhere\.ts": there is no such file/],
    [['--task', 'sound.ts', '--documents', '0'], 2, /--documents to be a whole number from 1 on/],
    [['--task', 'sound.ts', '--timeout', 'soon'], 2, /a duration like 30s, 10m or 1\.5h, got "soon"/],
    [
      ['--task', 'sound.ts', '--docs', 'nowhere/**'],
      3,
      /a folder with files or a glob that matches some, found none/,
    ],
  ];
  for (const [args, code, message] of wrong) {
    it(`refuses ${args.join(' ') || 'nothing'}`, async () => {
      writeFileSync(join(folder, 'sound.ts'), 'export default () => 1;');
      const refused = await cli(['check', ...args], folder, env);
      assert.equal(refused.code, code, refused.stderr);
      assert.match(refused.stderr, message);
      assert.equal(refused.stdout, '');
    });
  }
});
