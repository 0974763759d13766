import { number } from '../../words/units.js';
import { type Check, type Finding, found, type Row } from '../finding.js';
import type { Tried } from '../probe.js';

const missing: Row = {
  id: 'loads',
  level: 'error',
  when: 'a module that the task imports is not found',
  remedy: 'install the missing module where the task can find it',
};
const notExported: Row = {
  id: 'loads',
  level: 'error',
  when: 'the module has no default export, or one that is no function',
  remedy:
    'export the task: `export default function (document) { ... }`, or name its export, ' +
    'as in `--task ./parse.ts#clean`',
};
const shared: Row = {
  id: 'loads',
  level: 'error',
  when: 'the task does not load while another worker has it: both want one port or lock',
  remedy:
    'every worker runs `setup`: let the system choose the port (0), and put process.pid and threadId ' +
    'into the names of files',
};
const other: Row = {
  id: 'loads',
  level: 'error',
  when:
    'the task or its `setup` fails or takes too long on the main thread, in two threads ' +
    'or in a child process',
  remedy:
    'the module and its setup must load in a fresh process and in a thread, with only their options; ' +
    'move work that may fail into the task itself',
};
export const late: Row = {
  id: 'time-limit',
  level: 'error',
  when: 'a document was still running after `--timeout`',
  remedy:
    'give it more time with --timeout, or find out why it does not end: ' +
    'a task that may hang needs a time limit and workers that can be ended',
};
const ended: Row = {
  id: 'workers-end',
  level: 'error',
  when: 'the task ended its process',
  remedy:
    'throw an error instead of ending the process, and await every promise: ' +
    'an unhandled rejection ends it too',
};

export default {
  rows: [missing, notExported, shared, other, late, ended],
  find({ tried, timeoutMs }) {
    const ends = endings(tried, timeoutMs);
    if (ends.length > 0) return ends;
    const said = 'loads on the main thread, in two threads at once and in a child process';
    return [{ id: 'loads', level: 'ok', said }];
  },
} satisfies Check;

/** Reports the places that did not finish. */
export function endings(tried: readonly Tried[], timeoutMs: number): Finding[] {
  return tried.flatMap((place) => endOf(place, timeoutMs));
}

function endOf(tried: Tried, timeoutMs: number): Finding[] {
  if (tried.state !== 'ended') return [];
  const { place, step, id, late: isLate, said } = tried;
  const where = place.name;
  if (step === 'loading') {
    const how = isLate ? `loading and setup took longer than ${number(timeoutMs / 1e3)} s` : said;
    return [found(rowOf(said), `does not load in ${where}: ${how}`)];
  }
  if (isLate)
    return [found(late, `${where}: document "${id}" was still running after ${number(timeoutMs / 1e3)} s`)];
  return [found(ended, `${where}: ${said}${id === null ? '' : ` (with document "${id}")`}`)];
}

function rowOf(said: string): Row {
  if (/Cannot find (package|module)/.test(said)) return missing;
  if (said.includes('expected a default export that is a function')) return notExported;
  return /EADDRINUSE|EEXIST|ELOCKED|\block/i.test(said) ? shared : other;
}
