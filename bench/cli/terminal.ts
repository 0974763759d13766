import pc from 'picocolors';

/** Colours for a stream: none into a pipe, none with `NO_COLOR`, always with `FORCE_COLOR`. */
export function colorsFor(stream: NodeJS.WriteStream) {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  return pc.createColors(!NO_COLOR && (Boolean(FORCE_COLOR) || (stream.isTTY === true && TERM !== 'dumb')));
}

/** For people, on the error stream: standard output is for results. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

export function print(text: string): void {
  process.stdout.write(text);
}
