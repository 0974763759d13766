import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { openStrategy } from '../../runner/open-strategy.js';
import { type OwnRedis, startRedis } from '../../strategies/broker/own-redis.js';
import type { AnyDocument, OpenOptions, Outcome, Session } from '../../strategies/strategy.js';
import { bundled } from '../../workloads/task-bundle.js';
import { compileTask, locateTask } from '../../workloads/task-file.js';
import { folder, start } from '../cli/start.js';
import { noRedis } from '../redis.js';

/** These tests run the command `forkwise agent`, and play the caller. */

const task = `import { upper } from 'upper';
import { existsSync, writeFileSync } from 'node:fs';
interface Input { readonly bytes: Uint8Array }
export default async function (document: Input, context: { options: { begun?: string } }) {
  const text = new TextDecoder().decode(document.bytes);
  if (text === 'bad') throw new Error('a bad document');
  if (text === 'abort') process.abort();
  if (text === 'once') {
    const begun = context.options.begun!;
    if (existsSync(begun)) return 'again';
    writeFileSync(begun, '');
    return new Promise(() => {});
  }
  return upper(text);
}
export const resolve = (reference: { readonly text: string }) => new TextEncoder().encode(reference.text);
`;

function project(name: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries({ 'package.json': '{ "type": "module" }', ...files })) {
    mkdirSync(join(folder, name, path, '..'), { recursive: true });
    writeFileSync(join(folder, name, path), text);
  }
  return join(folder, name);
}

const packages = (version: string) => ({
  'node_modules/upper/package.json': JSON.stringify({ name: 'upper', version, main: 'index.js' }),
  'node_modules/upper/index.js': 'exports.upper = (text) => text.toUpperCase();\n',
});

const here = project('caller', { 'upper.ts': task, ...packages('1.0.0') });
const there = project('machine', packages('1.0.0'));
const source = join(here, 'upper.ts');
process.env.XDG_CACHE_HOME = join(folder, 'cache');

const skip = noRedis();

describe('forkwise agent', { skip }, () => {
  let redis: OwnRedis;
  let sha256: string;
  const agents: ReturnType<typeof start>[] = [];

  const agent = (...flags: string[]) => {
    const child = start(['agent', '--broker', redis.url, '--workers', '1', ...flags]);
    agents.push(child);
    return child;
  };

  const withCaller = async <T>(
    options: Partial<OpenOptions>,
    use: (session: Session) => Promise<T>,
    taskOptions: Readonly<Record<string, unknown>> = {},
  ): Promise<T> => {
    const { ref } = await compileTask(source);
    const broker = { url: redis.url, agents: 'there' as const, lockMs: 1000, sweepMs: 300 };
    const session = await openStrategy('broker', { ...ref, options: taskOptions }, { broker, ...options });
    try {
      return await use(session);
    } finally {
      await session.close();
    }
  };

  const valuesOf = async (session: Session, documents: AnyDocument[]) => {
    const found: unknown[] = [];
    await session.run(documents, (outcome: Outcome) => {
      found[outcome.index] = outcome.status === 'ok' ? outcome.value : outcome.status;
    });
    return found;
  };

  const texts = (...all: string[]): AnyDocument[] =>
    all.map((text, index) => {
      const bytes = new TextEncoder().encode(text);
      return { index, id: text, size: bytes.length, bytes };
    });

  before(async () => {
    redis = await startRedis();
    ({ sha256 } = await bundled(locateTask(source)));
  });
  after(async () => {
    for (const { child } of agents) child.kill('SIGKILL');
    await redis?.close();
  });

  it('runs documents of each form, answers probes, survives cut connections, and drains', async () => {
    const machine = agent('--accept', sha256, '--project', there, '--health', '0');
    const [, port] = await machine.said(/probes on port (\d+)/);
    const probe = async (path: string) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, health: (await answer.json()) as Record<string, unknown> };
    };
    await withCaller({ delivery: 'reference' }, async (session) => {
      const path = join(folder, 'document.txt');
      writeFileSync(path, 'by path');
      const mixed: AnyDocument[] = [
        ...texts('bytes', 'bad', 'abort'),
        { index: 3, id: '3', path },
        { index: 4, id: '4', reference: { text: 'by reference' } },
      ];
      const expected = ['BYTES', 'failed', 'crashed', 'BY PATH', 'BY REFERENCE'];
      assert.deepEqual(await valuesOf(session, mixed), expected);
      const { status, health } = await probe('/ready');
      assert.deepEqual([status, health.state, health.runs], [200, 'ready', 1]);
      assert.deepEqual(health.outcomes, { ok: 3, failed: 1, 'timed-out': 0, crashed: 1 });

      const admin = new Redis(redis.url);
      const many = texts(...Array.from({ length: 300 }, (_, i) => `text ${i}`));
      const running = valuesOf(session, many);
      for (let i = 0; i < 3; i++) {
        await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.deepEqual(
        await running,
        many.map((_, i) => `TEXT ${i}`),
      );
      admin.disconnect();
    });
    assert.equal((await probe('/live')).status, 200);
    machine.child.kill('SIGTERM');
    assert.equal((await machine.ended).code, 0);
  });

  it('runs no task that it does not accept, and both sides say how to', async () => {
    const machine = agent('--accept', 'markdown');
    await machine.said('accepts workload markdown');
    await assert.rejects(
      withCaller({}, async () => {}),
      new RegExp(`--accept ${sha256}`),
    );
    await machine.said(`start the agent with --accept ${sha256}`);
    machine.child.kill('SIGTERM');
    assert.equal((await machine.ended).code, 0);
  });

  it('ends with 3 and says what to install where a package has another version', async () => {
    const machine = agent('--accept', source, '--project', project('old', packages('0.9.0')));
    await machine.said(sha256);
    await assert.rejects(
      withCaller({}, async () => {}),
      /npm install --no-save upper@1\.0\.0/,
    );
    const { code, stderr } = await machine.ended;
    assert.equal(code, 3);
    assert.match(stderr, /upper is 0\.9\.0, expected 1\.0\.0\n.*npm install --no-save upper@1\.0\.0/);
  });

  it('ends at once at a second signal, and another agent runs the document', async () => {
    const begun = join(folder, 'begun');
    const first = agent('--accept', 'any', '--project', there);
    await withCaller(
      {},
      async (session) => {
        const outcomes = valuesOf(session, texts('once', 'text'));
        while (!existsSync(begun)) await new Promise((resolve) => setTimeout(resolve, 20));
        first.child.kill('SIGTERM');
        await first.said('once more ends them at once');
        first.child.kill('SIGTERM');
        assert.equal((await first.ended).code, 130);
        const second = agent('--accept', 'any', '--project', there);
        assert.deepEqual(await outcomes, ['again', 'TEXT']);
        await second.said('warning: --accept any');
      },
      { begun },
    );
  });
});
