import { existsSync } from 'node:fs';
import { join } from 'node:path';
import picomatch from 'picomatch';
import { type ByteString, lossyText } from './file-names.js';

/** `--docs` says where to look, and which files there are meant. */
export interface FilePattern {
  /** The part of the pattern that exists, as it was typed. */
  readonly fixed: string;
  /** Selects paths below `fixed`; null where the pattern has no other part, and all files are meant. */
  readonly rest: RestOfPattern | null;
}

export interface RestOfPattern {
  matches(below: ByteString): boolean;
  /** Returns true when the folder may contain files that match. */
  mayEnter(below: ByteString): boolean;
}

const special = /[*?[\]{}()!+@]/;

/**
 * Splits a pattern into the part that exists and the glob that follows. A part that exists is taken
 * literally, so that `./Scans (2024)/*.txt` means the folder of that name although brackets are special in
 * globs.
 */
export function parsePattern(pattern: string): FilePattern {
  const parts = pattern.split(process.platform === 'win32' ? /[\\/]+/ : /\/+/);
  let fixed = parts[0] === '' ? '/' : '.';
  if (parts[0] === '') parts.shift();
  else if (/^[a-z]:$/i.test(parts[0] as string) && process.platform === 'win32') fixed = `${parts.shift()}\\`;
  while (parts.length > 0) {
    const [part] = parts as [string];
    const name = [part, unescaped(part)].find((name) => name !== null && existsSync(join(fixed, name)));
    if (name === undefined || name === null) break;
    fixed = join(fixed, name);
    parts.shift();
  }
  return { fixed, rest: parts.length === 0 ? null : restOf(parts) };
}

/** The name that a part without wildcards means; null where it has wildcards. */
function unescaped(part: string): string | null {
  if (process.platform === 'win32' || !part.includes('\\')) return null;
  return special.test(part.replaceAll(/\\./g, '')) ? null : part.replaceAll(/\\(.)/g, '$1');
}

function restOf(parts: readonly string[]): RestOfPattern {
  const glob = parts.join('/');
  // A part such as "Scans (2024)" after a wildcard may be a name, and may be a glob: both are tried.
  const literal = parts
    .map((part) => (/[*?\\]/.test(part) ? part : part.replaceAll(/[[\]{}()!+@]/g, '\\$&')))
    .join('/');
  const globs = [...new Set([glob, literal])].map((glob) => picomatch(glob));
  const isGlob = picomatch.scan(glob).isGlob;
  const maxDepth = /\*\*|[{(].*\//.test(glob) ? Number.POSITIVE_INFINITY : parts.length - 1;
  const hidden = /(^|[/{(,|])\\?\./.test(glob);
  return {
    matches: (below) => globs.some((matches) => matches(lossyText(below))),
    mayEnter: (below) =>
      isGlob && below.split('/').length <= maxDepth && (hidden || !/(^|\/)\.[^/]*$/.test(below)),
  };
}
