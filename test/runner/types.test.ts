import assert from 'node:assert/strict';
import { it } from 'node:test';
import {
  createRunner,
  type InputDocument,
  type Outcome,
  type Recommendation,
  type Runner,
  type RunnerOptions,
} from '../../index.js';
import { recommendation } from './recommendations.js';

/** The test is that this file compiles: it shows what the compiler accepts and refuses. */

const given: Recommendation = recommendation();
const bytes = new Uint8Array(1);

export const accepted = [
  { task: './parse.ts', strategy: 'queue', workers: 2 },
  {
    task: new URL('file:///parse.ts'),
    strategy: 'queue',
    workers: 2,
    delivery: 'path',
    timeoutMs: null,
    heapMb: 512,
  },
  given,
  { ...given, task: './parse.ts' },
  { ...given, onWarning: (message: string) => message.length, options: { language: 'en' } },
] satisfies (RunnerOptions | Recommendation)[];

export const refused: unknown[] = [
  // @ts-expect-error a task is a path
  { task: (document: unknown) => document, strategy: 'queue', workers: 2 } satisfies RunnerOptions,
  // @ts-expect-error a strategy is to be chosen
  { task: './parse.ts', workers: 2 } satisfies RunnerOptions,
  // @ts-expect-error deliveries are known
  { task: './parse.ts', strategy: 'queue', workers: 2, delivery: 'pigeon' } satisfies RunnerOptions,
  // @ts-expect-error a document has a name
  { bytes } satisfies InputDocument,
  // @ts-expect-error and bytes
  { id: 'a', bytes: 'text' } satisfies InputDocument,
];

export async function uses(runner: Runner): Promise<void> {
  await createRunner(given);
  await createRunner({ ...given, task: './parse.ts' });
  // @ts-expect-error a function cannot be sent to a worker
  await createRunner({ ...given, task: () => 1 });
  for await (const outcome of runner.process([{ id: 'a', bytes }], { ordered: true })) {
    outcome satisfies Outcome;
    // @ts-expect-error only what went well has a value
    outcome.value;
    if (outcome.status === 'ok') outcome.value satisfies unknown;
    else outcome.error.message satisfies string;
  }
  // @ts-expect-error a path is not read
  runner.process(['./a.md']);
  const { outcomes } = runner.stats();
  (outcomes['timed-out'] + outcomes.ok) satisfies number;
}

it('the types hold', () => {
  assert.ok(accepted.length > 0 && refused.length > 0);
});
