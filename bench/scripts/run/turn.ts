import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sidecarOf } from '../../job/sidecar.js';

/** One turn of `npm run bench:run`. */

export interface Configuration {
  readonly strategy: string;
  readonly workers: number;
  readonly checkout: 'this' | 'before';
}
export const plainLoop: Configuration = { strategy: 'plain loop', workers: 1, checkout: 'this' };

/** A turn takes some seconds. One that takes this long hangs. */
const maxTurnMs = 600_000;
const loop = fileURLToPath(new URL('./plain-loop.js', import.meta.url));

/** One turn runs one configuration over one folder. */
export interface Turn extends Configuration {
  readonly taskUs: number;
  readonly task: string;
  /** The module of the command line, in the checkout that is measured. */
  readonly cli: string;
  readonly files: number;
  readonly docs: string;
}

/**
 * Runs every turn once before the clock counts. It fills the page cache and the cache of compiled tasks, and
 * shows that all configurations write the same.
 * @throws Error when a configuration writes other ids, statuses or values than the plain loop
 */
export function checkOutputs(turns: readonly Turn[], folder: string): void {
  const expected = new Map<string, string>();
  for (const turn of turns) {
    const { lines } = runTurn(turn, folder);
    const key = `${turn.taskUs} ${turn.files}`;
    if (!expected.has(key)) expected.set(key, lines);
    if (lines !== expected.get(key))
      throw new Error(
        `expected the lines of the plain loop from ${turn.strategy} × ${turn.workers}, got others`,
      );
  }
}

/**
 * Runs one job from the beginning.
 * @returns how long its process took, and what `comparable` makes of its lines
 */
export function runTurn({ strategy, workers, cli, task, docs }: Turn, folder: string) {
  const out = join(folder, 'out.ndjson');
  const job = ['run', '--task', task, '--docs', docs, '--out', out];
  const args =
    strategy === plainLoop.strategy
      ? [loop, task, docs, out]
      : [cli, ...job, '--strategy', strategy, '--workers', String(workers)];
  const startedMs = performance.now();
  const { status, signal, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: maxTurnMs,
  });
  const wallMs = performance.now() - startedMs;
  if (status !== 0)
    throw new Error(`expected ${strategy} × ${workers} to end well, got ${signal ?? status}: ${stderr}`);
  const lines = comparable(readFileSync(out, 'utf8'));
  for (const file of [out, sidecarOf(out)]) rmSync(file, { force: true });
  return { wallMs, lines };
}

/** The same lines in the order of their ids, without what only `forkwise run` writes. */
export function comparable(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/,"source":\{[^{}]*\}\}$/, '}'))
    .sort()
    .join('\n');
}
