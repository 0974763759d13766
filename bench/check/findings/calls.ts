import { type Check, found, type Row } from '../finding.js';
import { often } from '../words.js';

/** A call that works in a program of its own but not in a worker. */
function trap(call: string, level: Row['level'], remedy: string): [call: string, row: Row] {
  const id = `trap-${call.replace('process.', '').replace('on(signal)', 'signals')}`;
  return [call, { id, level, when: `the task calls or reads \`${call}\``, remedy }];
}

const refused = 'threads refuse it: users and groups belong to the program that starts the workers';

const rows = new Map([
  trap(
    'process.exit',
    'error',
    'ends the worker and the document that it is processing: throw an error instead',
  ),
  trap('process.abort', 'error', 'ends all workers of the process: throw an error instead'),
  trap(
    'process.chdir',
    'warning',
    'threads refuse it: use absolute paths, as new URL("./file", import.meta.url)',
  ),
  trap('process.umask', 'warning', 'threads refuse it: set the mode of each file'),
  trap(
    'process.on(signal)',
    'warning',
    'signals do not reach threads: listen in the program that starts the workers',
  ),
  trap(
    'process.send',
    'warning',
    "threads have none, and in a process the channel is the pool's: return the message instead",
  ),
  trap('process.disconnect', 'warning', "threads have none, and in a process the channel is the pool's"),
  trap(
    'process.stdin',
    'warning',
    'workers have no standard input: read it in the program, and give it to the task in its options',
  ),
  ...['setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups'].map((name) =>
    trap(`process.${name}`, 'warning', refused),
  ),
]);

export default {
  rows: [...rows.values()],
  find: ({ main }) =>
    main.traps.flatMap(({ call, times }) => {
      const row = rows.get(call);
      const verb = call === 'process.stdin' ? 'reads' : 'calls';
      return row === undefined ? [] : [found(row, `${verb} ${call} (${often(times)})`)];
    }),
} satisfies Check;
