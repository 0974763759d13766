import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../../..', import.meta.url));

/** A process that runs an example, and what it has written so far. */
export interface Example {
  readonly child: ChildProcess;
  readonly said: { readonly text: string; readonly errors: string };
  /** It resolves with the exit code, or null after a signal. */
  readonly ended: Promise<number | null>;
}

const started: ChildProcess[] = [];
after(() => {
  for (const child of started) child.kill('SIGKILL'); // a test that failed has left some
});

/** The name is that of a file in `examples/`. */
export function example(name: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Example {
  const child = spawn(process.execPath, [join(root, 'examples', name), ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  started.push(child);
  const said = { text: '', errors: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said.text += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said.errors += text;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, said, ended };
}
