import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { CheckResult } from '../../bench/check/result.js';
import { cli } from '../support.js';

/** Tests of findings run `forkwise check` on tasks of their own, each in a folder of its own. */

export interface Checked {
  readonly code: number;
  readonly result: CheckResult;
  /** Returns the texts of the findings with an id, each after its level. */
  readonly said: (id: string) => string[];
  /** These ids have warnings or errors. */
  readonly bad: string[];
  readonly folder: string;
  readonly env: Record<string, string>;
}

const root = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

export interface CheckOptions {
  /** Number of documents; document i has the text `document i`, repeated i times. */
  readonly documents?: number;
  /** Further files beside the task, by name. */
  readonly files?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A folder with a task, documents in `docs`, a cache and a place for temporary files. */
export function folderWith(
  name: string,
  source: string,
  { documents = 16, files = {} }: CheckOptions = {},
): { readonly folder: string; readonly env: Record<string, string> } {
  const folder = join(root, String(++count));
  for (const each of ['docs', 'tmp']) mkdirSync(join(folder, each), { recursive: true });
  for (let i = 1; i <= documents; i++)
    writeFileSync(join(folder, 'docs', `${i}.txt`), `document ${i} `.repeat(i));
  for (const [path, text] of Object.entries({ [name]: source, ...files }))
    writeFileSync(join(folder, path), text);
  return { folder, env: { XDG_CACHE_HOME: join(folder, 'cache'), TMPDIR: join(folder, 'tmp') } };
}

/** Runs `forkwise check --json` on the task, and expects that nothing is left behind. */
export async function checkTask(name: string, source: string, options: CheckOptions = {}): Promise<Checked> {
  const { folder, env } = folderWith(name, source, options);
  const args = ['check', '--task', name, '--docs', 'docs', '--json', ...(options.args ?? [])];
  const { code, stdout, stderr } = await cli(args, folder, env);
  assert.notEqual(stdout, '', stderr);
  assert.deepEqual(readdirSync(env.TMPDIR as string), [], 'nothing is left behind');
  const result = JSON.parse(stdout) as CheckResult;
  const said = (id: string) =>
    result.findings.filter((finding) => finding.id === id).map(({ level, said }) => `${level}: ${said}`);
  const bad = result.findings.filter(({ level }) => level === 'warning' || level === 'error');
  for (const { id, remedy } of bad) assert.ok(remedy !== undefined, `${id} says what to do`);
  return { code, result, said, bad: [...new Set(bad.map(({ id }) => id))], folder, env };
}
