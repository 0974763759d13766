import { tmpdir } from 'node:os';

/** The machine has no temporary folder in which a folder can be made. */
export class NoTemporaryFolder extends Error {
  override readonly name = 'NoTemporaryFolder';
}

/** Makes a temporary folder. @throws NoTemporaryFolder where that fails */
export function inTemporary<Made>(make: () => Made): Made {
  try {
    return make();
  } catch (cause) {
    throw new NoTemporaryFolder(
      `expected a temporary folder, but none can be made in "${tmpdir()}": ${(cause as Error).message}; ` +
        'set TMPDIR to a folder that can be written',
      { cause },
    );
  }
}
