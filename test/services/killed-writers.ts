import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../fixtures/programs/cache-writer.js', import.meta.url));

/**
 * Lets one process per name write results into a cache, kills each of them, and returns what they have said:
 * the name of each result that was kept, on a line of its own.
 */
export async function killedWriters(folder: string, names: readonly string[]): Promise<string> {
  const said: string[] = [];
  const writers = names.map((name) => {
    const child = spawn(process.execPath, [program, folder, name], { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.on('data', (text: Buffer) => said.push(text.toString()));
    return child;
  });
  const closed = writers.map((child) => once(child, 'close'));
  await Promise.all(writers.map((child) => once(child.stdout, 'data')));
  for (const child of writers) {
    await new Promise((resolve) => setTimeout(resolve, 20 * Math.random()));
    child.kill('SIGKILL');
  }
  await Promise.all(closed);
  return said.join('');
}
