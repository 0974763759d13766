import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { strategies } from '../../strategies/index.js';
import { cli, longUnlessEngine, onlyLong, openable } from '../support.js';

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'docs'));
for (let i = 0; i < 4; i++) writeFileSync(join(folder, 'docs', `${i}.txt`), String(i));

const all = await openable(strategies);

interface Failing {
  readonly source: string;
  readonly said: RegExp;
  /** Differs from another task by its words alone: `npm test` has it in these strategies. */
  readonly few?: readonly string[];
}

/** Tasks that do not start. `exits` end the command itself where it runs them. */
const tasks: Readonly<Record<string, Failing>> = {
  throws: {
    source: 'throw new Error("no licence"); export default () => 1;',
    said: /^error: task module "throws" failed to load: no licence \(at .*\/throws\.mjs:1:7\)\n$/,
  },
  'setup-throws': {
    source: 'export function setup() {\n  throw new Error("no db");\n}\nexport default () => 1;',
    said: /^error: task module "setup-throws": `setup` failed: no db \(at .*\/setup-throws\.mjs:2:9\)\n$/,
  },
  'setup-throws-null': {
    source: 'export const setup = async () => { throw null; }; export default () => 1;',
    said: /^error: task module "setup-throws-null": `setup` failed: null\n$/,
    few: ['thread-pool', 'process-pool'],
  },
  'setup-of-stage': {
    source: `export const stages = [
      { name: 'read', run: (document) => document.size },
      { name: 'encode', setup() { throw new Error('no model'); }, run: (size) => size },
    ];`,
    said: /^error: task module "setup-of-stage": `setup` of stage "encode": no model \(at .*:3:\d+\)\n$/,
    few: ['sequential', 'pipeline'],
  },
  'setup-fails-to-connect': {
    source: `export const setup = () => {
        const errors = [new Error('::1'), new Error('127.0.0.1')];
        throw Object.assign(new AggregateError(errors), { code: 'ECONNREFUSED' });
      };
      export default () => 1;`,
    said: /^error: task module "setup-fails-to-connect": `setup` failed: ECONNREFUSED \(at .*:3:\d+\)\n$/,
    few: ['thread-pool', 'process-pool'],
  },
  exits: {
    source: 'process.exit(0); export default () => 1;',
    said: /^error: task module "exits" ended its worker while it loaded: .* exit code 0.*process\.exit /,
  },
  'setup-exits': {
    source: 'export const setup = () => process.exit(7); export default () => 1;',
    said: /^error: task module "setup-exits" ended its worker .* exit code 7.*; look for process\.exit /,
    few: ['thread-pool', 'queue'],
  },
};

describe('a task that does not start ends the job with exit code 3 and one line', () => {
  for (const [task, { source, said, few }] of Object.entries(tasks)) {
    writeFileSync(join(folder, `${task}.mjs`), source);
    for (const strategy of all) {
      const { name, isolation } = strategy;
      const isLong = few !== undefined && !few.includes(name);
      const options = isLong ? onlyLong : longUnlessEngine(strategy);
      if (isolation === 'none' && /exits$/.test(task)) continue; // own-process.test.ts has these
      it(`${task} with ${name}`, { ...options, timeout: 60_000 }, async () => {
        const args = ['--task', `${task}.mjs`, '--docs', 'docs', '--out', `${task}-${name}.ndjson`];
        const ended = await cli(['run', ...args, '--strategy', name, '--workers', '2'], folder);
        assert.equal(ended.code, 3, ended.stderr);
        assert.match(ended.stderr, said);
        assert.doesNotMatch(ended.stderr, /^\s+at /m, 'a message for people, not a stack');
      });
    }
  }
});
