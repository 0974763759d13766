import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { withoutPassword } from '../../strategies/broker/address.js';

/** A name in `results/` that nothing has yet. */
export function newRunFolder(): string {
  const name = join('results', new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
  for (let n = 1; ; n++) {
    const folder = n === 1 ? name : `${name}-${n}`; // two runs may begin in the same second
    if (!existsSync(folder)) return folder;
  }
}

/** The command line that repeats this invocation, without the password of a broker. */
export function commandLine(): string {
  return ['forkwise', ...process.argv.slice(2).map((word) => quoted(withoutPassword(word)))].join(' ');
}

/** Quotes a word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
