import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createRunner, type Outcome, type RunnerStats } from '../../index.js';
import { collectMetrics } from '../../runner/prom-client.js';
import { until } from '../processes.js';
import { example, root } from './start-example.js';

/** Every example and every link of the pages works unchanged. */

const limit = { timeout: 20_000 };
const onUnix = { ...limit, skip: process.platform === 'win32' };

describe('examples', () => {
  const tested = new Set<string>();
  after(() =>
    assert.deepEqual(
      [...tested].sort(),
      readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.mjs')),
    ),
  );

  it('stream', limit, async () => {
    tested.add('stream.mjs');
    const { said, ended } = example('stream.mjs', ['docs/README.md', 'docs/job.md']);
    assert.equal(await ended, 0, said.errors);
    assert.match(said.text, /^docs\/README\.md: \d+ words\ndocs\/job\.md: \d+ words\n$/);
  });

  it('batch, to its end and stopped by SIGTERM', onUnix, async () => {
    tested.add('batch.mjs');
    const whole = example('batch.mjs');
    assert.equal(await whole.ended, 0, whole.said.errors);
    assert.match(whole.said.text, /all 1000 saved/);
    const cut = example('batch.mjs', [], { DOCUMENTS: '1e12' });
    await until(() => /under way/.test(cut.said.text));
    cut.child.kill('SIGTERM');
    assert.equal(await cut.ended, 0, cut.said.errors);
    assert.match(cut.said.text, /stopped: \d+ of 1000000000000 saved/);
  });

  it('metrics', limit, async () => {
    tested.add('metrics.mjs');
    const { said, ended } = example('metrics.mjs');
    assert.equal(await ended, 0, said.errors);
    assert.match(said.text, /^forkwise_documents_total\{status="ok"\} 2$/m);
    assert.match(said.text, /^forkwise_document_bytes_total 22$/m);
  });

  it('http-server, with no recommendation', onUnix, async () => {
    tested.add('http-server.mjs');
    const { child, said, ended } = example('http-server.mjs', [], { PORT: '0' });
    await until(() => /listening on \d+, up to 6 documents/.test(said.text));
    const url = `http://localhost:${/\d+/.exec(said.text)?.[0]}`;
    const answer = await fetch(url, { method: 'POST', body: 'one two three' });
    assert.deepEqual([answer.status, await answer.json()], [200, { words: 3 }]);
    child.kill('SIGTERM');
    assert.equal(await ended, 0, said.errors);
  });
});

describe('metrics', () => {
  const stats: RunnerStats = {
    strategy: 'queue',
    workers: 4,
    uptimeMs: 1000,
    outcomes: { ok: 5, failed: 1, 'timed-out': 0, crashed: 2 },
    cancelled: 4,
    inFlight: 3,
    queued: 7,
    busyMs: 1500,
    queuedMs: 250,
    bytes: 800,
    replaced: 2,
  };

  it('are read when they are asked for, in seconds and bytes, and can be taken away', async () => {
    const register = new Registry();
    let now = stats;
    const end = collectMetrics({ stats: () => now }, { register, prefix: 'parse_' });
    const values = async () => {
      const all = await register.getMetricsAsJSON();
      return Object.fromEntries(
        all.flatMap(({ name, values }) =>
          values.map(({ labels, value }) => [[name, ...Object.values(labels)].join(' '), value]),
        ),
      );
    };
    const first = {
      'parse_documents_total ok': 5,
      'parse_documents_total failed': 1,
      'parse_documents_total timed-out': 0,
      'parse_documents_total crashed': 2,
      parse_documents_cancelled_total: 4,
      parse_document_bytes_total: 800,
      parse_task_seconds_total: 1.5,
      parse_queue_seconds_total: 0.25,
      parse_workers_replaced_total: 2,
      parse_documents_in_flight: 3,
      parse_documents_queued: 7,
      parse_workers: 4,
    };
    assert.deepEqual(await values(), first);
    assert.deepEqual(await values(), first); // reading does not count twice
    now = { ...stats, queued: 0, busyMs: 2000 };
    assert.deepEqual(await values(), { ...first, parse_documents_queued: 0, parse_task_seconds_total: 2 });
    end();
    assert.deepEqual(await values(), {});
  });
});

it('the command of docs/job.md runs, and resumes', limit, async () => {
  const page = readFileSync(join(root, 'docs', 'job.md'), 'utf8');
  const [, command = ''] = /```sh\n(?:npx )?forkwise (run .*--task examples.*)\n/.exec(page) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const args = command.replaceAll("'", '').replace('words.ndjson', join(folder, 'words.ndjson')).split(' ');
  for (const attempt of [1, 2]) {
    const child = spawn(process.execPath, [join(root, 'dist/bench/cli.js'), ...args], {
      cwd: root,
      stdio: 'ignore',
    });
    after(() => child.kill('SIGKILL')); // a test that failed has left it
    const [code] = await once(child, 'close');
    assert.equal(code, 0, `attempt ${attempt}`);
  }
  const lines = readFileSync(join(folder, 'words.ndjson'), 'utf8').trim().split('\n');
  const pages = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).id).sort(),
    pages.map((name) => `docs/${name}`).sort(),
  );
});

it('the job of docs/job-file.md runs as it is printed', limit, async () => {
  const page = readFileSync(join(root, 'docs', 'job-file.md'), 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['docs', 'examples']) symlinkSync(join(root, name), join(folder, name), 'dir');
  const files = [...page.matchAll(/^```\w+\n(?:#|\/\/) (words\.yaml|total\.mjs)\n([\s\S]*?)^```/gm)];
  assert.equal(files.length, 2);
  for (const [, name = '', text = ''] of files) writeFileSync(join(folder, name), text);
  const [, command = ''] = /`forkwise (run --job [^`]*)`/.exec(page) ?? [];
  const child = spawn(process.execPath, [join(root, 'dist/bench/cli.js'), ...command.split(' ')], {
    cwd: folder,
    stdio: 'ignore',
  });
  after(() => child.kill('SIGKILL'));
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
  const { group, words } = JSON.parse(readFileSync(join(folder, 'words', 'reduced.json'), 'utf8'));
  assert.equal(group, null);
  const lines = ['first', 'rest'].flatMap((name) =>
    readFileSync(join(folder, 'words', `${name}.ndjson`), 'utf8')
      .trim()
      .split('\n'),
  );
  const sum = lines.reduce((all, line) => all + JSON.parse(line).value.words, 0);
  assert.equal(words, sum);
});

describe('the tasks of docs/services.md', () => {
  const page = readFileSync(join(root, 'docs', 'services.md'), 'utf8');
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  for (const [service, answer, retry] of [
    [
      "A service like OpenAI's",
      (prompt: string) => ({ choices: [{ message: { content: prompt } }], usage: { total_tokens: 20 } }),
      { attempts: 3 },
    ],
    ['A server like Ollama', (prompt: string) => ({ response: prompt }), { attempts: 3, statuses: [503] }],
  ] as const)
    it(`${service}: documents that are refused are asked for again`, limit, async () => {
      const [, code = ''] =
        new RegExp(`^## ${service}\n[\\s\\S]*?^\`\`\`js\n([\\s\\S]*?)^\`\`\``, 'm').exec(page) ?? [];
      const task = join(folder, `${service.split(' ').at(-1)}.mjs`.replaceAll("'", ''));
      writeFileSync(task, code);
      const askedMs: number[] = [];
      const server = createServer(async (request, response) => {
        const body = JSON.parse(await text(request));
        askedMs.push(performance.now());
        // A proxy in front of the service refuses with a page of its own.
        if (askedMs.length === 1) response.writeHead(503, { 'retry-after': '1' }).end('<html>busy</html>');
        else response.end(JSON.stringify(answer(body.prompt ?? body.messages[0].content)));
      }).listen(0, '127.0.0.1');
      after(() => server.close());
      await once(server, 'listening');
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const runner = await createRunner({
        task,
        strategy: 'async',
        workers: 1,
        options: { url, model: 'any' },
        limits: [{ requests: 1000, per: '1s' }],
        retry: { ...retry, firstMs: 1 },
      });
      const outcomes: Outcome[] = [];
      for await (const outcome of runner.process(
        ['a', 'b', 'c'].map((id) => ({ id, bytes: Buffer.from(id) })),
      ))
        outcomes.push(outcome);
      await runner.close();
      assert.deepEqual(
        outcomes.map(({ id, status }) => `${id} ${status}`).sort(),
        ['a ok', 'b ok', 'c ok'],
        JSON.stringify(outcomes),
      );
      for (const outcome of outcomes) assert.equal(outcome.status === 'ok' && outcome.value, outcome.id);
      assert.equal(askedMs.length, 4);
      const [first = 0, second = 0] = askedMs;
      assert.ok(
        second - first >= 990,
        'the task has reported the refusal, so that nothing was sent for a second',
      );
    });
});

it('links between the pages lead somewhere', () => {
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', ...docs.map((name) => join('docs', name))];
  for (const page of pages) {
    const links = [...readFileSync(join(root, page), 'utf8').matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)].map(
      ([, link]) => link as string,
    );
    for (const link of links)
      if (!link.includes('://')) assert.ok(existsSync(join(root, dirname(page), link)), `${page}: ${link}`);
  }
});
