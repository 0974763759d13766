import { note } from '../cli/terminal.js';
import { exitCode, UsageError } from '../errors.js';

/** Runs a script and sets its exit code: a wrong option is a usage error, every other error is a failure. */
export async function runScript(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main();
  } catch (error) {
    note((error as Error).message);
    process.exitCode = error instanceof UsageError ? exitCode.usage : exitCode.failed;
  }
}
