/** The caller's own flags of Node for a child process, without the script that `--eval` and `--print` may have given it. */
export function inheritedFlags(flags: readonly string[] = process.execArgv): string[] {
  const kept: string[] = [];
  for (let i = 0; i < flags.length; i++) {
    const flag = flags[i] as string;
    if (['-e', '--eval', '-p', '--print', '-pe'].includes(flag)) i++;
    else if (!/^--(eval|print|input-type)(=|$)/.test(flag)) kept.push(flag);
  }
  return kept;
}
