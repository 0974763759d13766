import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Outcome, Strategy } from '../../../strategies/strategy.js';
import { compileTask } from '../../../workloads/task-file.js';
import type { WorkloadRef } from '../../../workloads/workload.js';
import { documentsOf, longWithSameWorker, outcomesOf, withSession } from '../../support.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'forkwise-test-')));
process.env.XDG_CACHE_HOME = join(folder, 'cache');
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

const reader = `
export interface Page { readonly text: string; }

/** Lines that tsc removes, and characters of two bytes: äöü. */
export type Pages = readonly Page[];
export function read(text: string): Page[] {
  return [...text].map((text: string): Page => {
    /* é */ if (text === 'a') throw new RangeError('no page');
    return { text };
  });
}
`;
const place =
  'const here: string = import.meta.dirname; ' + 'export function late(): never { throw new Error(here); }';
const old = `'use strict';
exports.parse = (text) => {
  return JSON.parse(text);
};
`;
write('read me/reader.ts', reader);
write('place.ts', place);
write('old.cjs', old);
write(
  'task.ts',
  `import old from './old.cjs';
import { late } from './place.ts';
import { read } from './read me/reader.ts';
interface Input { readonly id: string; }
export default async ({ id }: Input): Promise<unknown> => {
  if (id === 'reader') return read('ba');
  if (id === 'old') return old.parse('{');
  if (id === 'cause') {
    try {
      read('a');
    } catch (cause) {
      throw new Error('wrapped', { cause });
    }
  }
  await new Promise((resolve) => setTimeout(resolve, 1));
  return late();
};
`,
);
write('loads.ts', `import { read } from './read me/reader.ts';\n\nexport default read('a');`);
write(
  'sets-up.ts',
  `\ntype T = 1;\nexport function setup() {\n  throw new Error('no');\n}\nexport default () => 1;`,
);

/** Says, as stacks do, where a text is in a file. */
function placeOf(name: string, text: string, part: string): string {
  const before = text.slice(0, text.indexOf(part));
  return `${join(folder, name)}:${before.split('\n').length}:${before.length - before.lastIndexOf('\n')}`;
}

const places: Readonly<Record<string, string>> = {
  reader: placeOf('read me/reader.ts', reader, 'new RangeError'),
  old: placeOf('old.cjs', old, 'parse(text)'),
  late: placeOf('place.ts', place, 'new Error'),
};

const refOf = async (name: string): Promise<WorkloadRef> => (await compileTask(join(folder, name))).ref;

/** Tests that errors name the sources of a compiled task. */
export function describeStacks(strategy: Strategy): void {
  describe(`${strategy.name}: stacks`, () => {
    let outcomes: Outcome[];
    before(async () => {
      const ids = [...Object.keys(places), 'cause'];
      outcomes = await withSession(strategy, await refOf('task.ts'), { workers: 1 }, (session) =>
        outcomesOf(session, documentsOf(ids), ids.length),
      );
    });

    it('name the source, line and column, and no compiled file', () => {
      for (const [i, [id, place]] of Object.entries(places).entries()) {
        const outcome = outcomes[i] as Outcome;
        const stack = outcome.status === 'failed' ? (outcome.error.stack ?? '') : '';
        const [first] = stack.split('\n').filter((line) => /^ +at /.test(line) && line.includes(folder));
        assert.ok(first?.includes(place), `expected ${place} in ${stack}`);
        assert.doesNotMatch(stack, /\.mjs:/);
        if (id === 'reader') assert.match(stack, /task\.ts:6:\d+/, 'callers are named too');
      }
    });

    it('of causes name the source, too', () => {
      const outcome = outcomes.at(-1);
      const error = JSON.stringify(outcome?.status === 'failed' && outcome.error);
      assert.ok(error.includes('task.ts:12:13') && error.includes(places.reader as string), error);
      assert.doesNotMatch(error, /\.mjs:/);
    });

    it(
      'name the source where the task does not load, or does not set up',
      longWithSameWorker(strategy),
      async () => {
        const open = async (name: string) =>
          strategy.open(await refOf(name), { workers: 1, delivery: strategy.deliveries[0] });
        await assert.rejects(open('loads.ts'), ({ message }: Error) =>
          message.includes(places.reader as string),
        );
        await assert.rejects(open('sets-up.ts'), ({ stack = '' }: Error) => /sets-up\.ts:4:9/.test(stack));
      },
    );
  });
}
