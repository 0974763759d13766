/**
 * Ends this process when its parent has ended, which closes the channel between them. The parent may end
 * while this process still loads its modules and does not listen yet; this process then ends at once. It
 * would live forever otherwise if it had threads, a server or something that its task has opened.
 * @param end is called once; absent: the process exits
 */
export function endWithParent(end: () => void = () => process.exit()): void {
  // It is undefined, not false, where the process was started by hand and has no channel.
  if (process.connected === false) end();
  else process.once('disconnect', end);
}
