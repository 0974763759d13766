/**
 * Returns the caller's own Node flags for a child process, without the script that `--eval` or `--print` may
 * contain.
 */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] as string;
    if (['-e', '--eval', '-p', '--print', '-pe'].includes(flag)) i++;
    else if (!/^--(eval|print|input-type)(=|$)/.test(flag)) kept.push(flag);
  }
  return kept;
}
