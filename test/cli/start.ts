import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { chartless, cliPath } from '../support.js';

export const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
export const fresh = () => join(folder, `run-${count++}`);

/**
 * The command in an empty temporary folder of its own, so that what it leaves behind there can be seen. It
 * draws no charts unless `env` says so.
 */
export function start(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const temporary = join(folder, `tmp-${count++}`);
  mkdirSync(temporary);
  const child: ChildProcess = spawn(process.execPath, [cliPath, ...args], {
    cwd: folder,
    env: {
      ...process.env,
      ...chartless,
      NO_COLOR: '1',
      XDG_CACHE_HOME: join(folder, 'cache'),
      ...env,
      TMPDIR: temporary,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<{ code: number | null; stdout: string; stderr: string; temporary: string }>(
    (resolve) => child.on('close', (code) => resolve({ code, stdout, stderr, temporary })),
  );
  /** Resolves when standard error has said so. */
  const said = (text: string | RegExp) =>
    new Promise<RegExpMatchArray>((resolve) => {
      const look = () => {
        const found = stderr.match(text);
        if (found !== null) resolve(found);
      };
      child.stderr?.on('data', look);
      look();
    });
  return { child, ended, said };
}

export const run = (...args: string[]) => start(args).ended;
export const runWithCharts = (...args: string[]) => start(args, { NODE_OPTIONS: '' }).ended;
export const spin = ['bench', '--profile', 'smoke', '--workloads', 'spin', '--documents', '4'];
