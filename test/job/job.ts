import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { until } from '../processes.js';
import { cliPath } from '../support.js';

export const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
export const onLinux = { skip: process.platform !== 'linux' };
export const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL'); // a test that failed has left some
  rmSync(root, { recursive: true, force: true });
});

/**
 * The task waits at a gate, a file that a document names, throws for some documents, and returns its text.
 */
export const task = `
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
export const kind = 'cpu';
export default async function (document) {
  const text = new TextDecoder().decode(document.bytes);
  const [word, gate] = text.split(' ');
  if (word === 'gate') while (!existsSync(gate)) await setTimeout(5);
  if (word === 'bad') throw new RangeError('cannot ' + text);
  return text;
}
`;

let count = 0;
/** Makes a folder with a task and documents, whose texts are given by name. */
export function folderOf(documents: Readonly<Record<string, string>>): string {
  const folder = join(root, `job-${count++}`);
  mkdirSync(join(folder, 'docs'), { recursive: true });
  writeFileSync(join(folder, 'task.mjs'), task);
  for (const [name, text] of Object.entries(documents)) writeFileSync(join(folder, 'docs', name), text);
  return folder;
}

/** `thread-pool` reports each document as soon as it is done, whatever comes after it. */
export const usual = [
  'run',
  '--task',
  './task.mjs',
  '--docs',
  'docs',
  '--out',
  'out.ndjson',
  '--strategy',
  'thread-pool',
  '--workers',
  '2',
];

export function start(cwd: string, args: readonly string[] = usual, nodeArgs: readonly string[] = []) {
  const child: ChildProcess = spawn(process.execPath, [...nodeArgs, cliPath, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const result = { code: null as number | null, stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    result.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    result.stderr += text;
  });
  const ended = new Promise<typeof result>((resolve) =>
    child.on('close', (code) => {
      result.code = code;
      resolve(result);
    }),
  );
  return { child, result, ended };
}

export const run = (cwd: string, args?: readonly string[]) => start(cwd, args).ended;

export interface Line {
  readonly id: string;
  readonly status: string;
  readonly value?: unknown;
  readonly error?: { readonly name: string; readonly message: string };
}

export const outText = (folder: string) =>
  existsSync(join(folder, 'out.ndjson')) ? readFileSync(join(folder, 'out.ndjson'), 'utf8') : '';
export const linesIn = (folder: string): Line[] =>
  outText(folder)
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));

/** Waits until a job has written at least this number of lines, or has ended. */
export async function linesWritten(
  folder: string,
  count: number,
  { child }: { child: ChildProcess },
): Promise<void> {
  await until(() => child.exitCode !== null || outText(folder).split('\n').length - 1 >= count);
  assert.equal(child.exitCode, null, 'the job ended before it was expected to');
}
