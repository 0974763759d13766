import pc from 'picocolors';

/** Colours a stream unless it is a pipe or `NO_COLOR` is set; `FORCE_COLOR` always colours it. */
export function colorsFor(stream: NodeJS.WriteStream) {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  return pc.createColors(!NO_COLOR && (Boolean(FORCE_COLOR) || (stream.isTTY === true && TERM !== 'dumb')));
}

/** Writes a line for people to the error stream, because the standard output is for results. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function print(text: string): void {
  process.stdout.write(text);
}

/**
 * Sends to standard error whatever tasks in this process and its threads print from now on.
 * @returns a function that still writes to standard output
 */
export function keepStandardOutput(): (text: string) => void {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return (text) => void write(text);
}
