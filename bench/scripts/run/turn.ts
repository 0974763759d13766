import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sidecarOf } from '../../job/sidecar.js';

/** One turn of `npm run bench:run`. */

export interface Configuration {
  readonly strategy: string;
  readonly workers: number;
  readonly checkout: 'this' | 'before';
}
/** Several processes, each with its part of the files in a plain loop, are the limit of the machine. */
export function plainLoop(processes: number): Configuration {
  return { strategy: plain, workers: processes, checkout: 'this' };
}
const plain = 'plain loop';

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
export async function checkOutputs(turns: readonly Turn[], folder: string): Promise<void> {
  const expected = new Map<string, string>();
  for (const turn of turns) {
    const { lines } = await runTurn(turn, folder);
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
 * @returns how long its processes took, and what `comparable` makes of their lines
 */
export async function runTurn(turn: Turn, folder: string): Promise<{ wallMs: number; lines: string }> {
  const processes = processesOf(turn, folder);
  const startedMs = performance.now();
  const ended = await Promise.allSettled(
    processes.map(({ args }) => promisify(execFile)(process.execPath, args, { timeout: maxTurnMs })),
  );
  const wallMs = performance.now() - startedMs;
  for (const one of ended) {
    if (one.status === 'fulfilled') continue;
    const { code, signal, stderr } = one.reason;
    throw new Error(
      `expected ${turn.strategy} × ${turn.workers} to end well, got ${signal ?? code}: ${stderr}`,
    );
  }
  const lines = comparable(processes.map(({ out }) => readFileSync(out, 'utf8')).join(''));
  for (const { out } of processes) for (const file of [out, sidecarOf(out)]) rmSync(file, { force: true });
  return { wallMs, lines };
}

function processesOf({ strategy, workers, cli, task, docs }: Turn, folder: string) {
  if (strategy === plain)
    return Array.from({ length: workers }, (_, part) => {
      const out = join(folder, `out-${part}.ndjson`);
      return { out, args: [loop, task, docs, out, String(part), String(workers)] };
    });
  const out = join(folder, 'out.ndjson');
  const job = ['run', '--task', task, '--docs', docs, '--out', out];
  return [{ out, args: [cli, ...job, '--strategy', strategy, '--workers', String(workers)] }];
}

/** The same lines in the order of their ids, without what only `forkwise run` writes. */
export function comparable(text: string): string {
  return text
    .split('\n')
    .map((line) => line.replace(/,"source":\{[^{}]*\}\}$/, '}'))
    .sort()
    .join('\n');
}
