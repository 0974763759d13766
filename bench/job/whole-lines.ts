import { readSync } from 'node:fs';

const readBytes = 2 ** 20;
const lineFeed = 10;

/** A line without its line feed; the next one begins at `endsAt`. */
export interface WholeLine {
  readonly text: string;
  readonly endsAt: number;
}

/**
 * The lines of an open file that end with a line feed. A last line without one was torn when the process was
 * killed.
 */
export function* wholeLines(file: number): Generator<WholeLine> {
  const chunk = Buffer.alloc(readBytes);
  let rest: Buffer[] = [];
  for (let position = 0; ; ) {
    const read = readSync(file, chunk, 0, chunk.length, position);
    if (read === 0) return;
    const data = chunk.subarray(0, read);
    let from = 0;
    for (let end = data.indexOf(lineFeed); end >= 0; end = data.indexOf(lineFeed, from)) {
      const line = Buffer.concat([...rest, data.subarray(from, end)]);
      rest = [];
      from = end + 1;
      yield { text: line.toString(), endsAt: position + from };
    }
    rest.push(Buffer.from(data.subarray(from)));
    position += read;
  }
}
