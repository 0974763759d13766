import { type Check, type Finding, fine, found, notTried, type Row } from '../finding.js';
import type { DocumentFact, Probe } from '../probe-host.js';
import { documents, names } from '../words.js';

const ended: Row = {
  id: 'workers-end',
  level: 'error',
  when: 'a document ended the worker that had it',
  remedy:
    'throw an error instead of ending the worker; ' +
    'a native addon that crashes in a thread may work in a process',
};
const stack: Row = {
  id: 'places',
  level: 'error',
  when: 'a document needs more stack than one of the places has',
  remedy:
    'a thread has 4 MB of stack, a process about 1 MB: use a loop with a list of its own instead of ' +
    'recursion, or refuse such documents everywhere, by their depth',
};
const refused: Row = {
  id: 'places',
  level: 'error',
  when: 'the task calls what threads refuse, such as process.chdir',
  remedy: 'use absolute paths and the task’s own settings; only the main thread can change the process',
};
const sharing: Row = {
  id: 'places',
  level: 'error',
  when: 'workers get in each other’s way: files or ports that they share',
  remedy: 'give each worker files and ports of its own: names with process.pid and threadId, mkdtemp, port 0',
};
const environment: Row = {
  id: 'places',
  level: 'error',
  when: 'the task sets environment variables at run time, such as TZ, and results differ between places',
  remedy:
    'threads have a copy of the environment that the system does not see: set the variable before ' +
    'Node starts, or pass the time zone to the function that needs it',
};
const fails: Row = {
  id: 'places',
  level: 'error',
  when: 'a document fails in one place and works in another, for another reason',
  remedy:
    'do not use what differs between a program and its workers: argv, standard input, signals, ' +
    'isMainThread, the current directory, earlier documents',
};
const differs: Row = {
  id: 'places',
  level: 'error',
  when: 'a result differs from that of the main thread, for another reason',
  remedy:
    'a result must not depend on the time, random numbers, process.pid, threadId, isMainThread, argv, ' +
    'standard input, files that workers share, earlier documents, or the class of a returned object',
};

/** Compares how documents end in every place with the main thread, in both directions. */
export default {
  rows: [ended, stack, refused, sharing, environment, fails, differs],
  find({ main, tried }) {
    const other = tried.slice(1).flatMap((one) => (one.state === 'done' ? [one] : []));
    return other.flatMap(({ probe, place }) => {
      const findings = comparison(main, probe, place.name);
      if (findings.length > 0) return findings;
      const isEmpty = probe.passes.every((facts) => facts.length === 0);
      return [
        isEmpty
          ? notTried('places', 'no document ended in time', place.name)
          : fine('places', `${place.name}: as on the main thread`),
      ];
    });
  },
} satisfies Check;

/** A pair is one document in two places: here, and on the main thread the last time. */
interface Pair {
  readonly here: DocumentFact;
  readonly main: DocumentFact;
  /** Both passes on the main thread gave the same. */
  readonly steady: boolean;
}

function comparison(main: Probe, { passes: [found_ = []] }: Probe, place: string): Finding[] {
  const [first = []] = main.passes;
  const last = main.passes.at(-1) ?? [];
  const pairs = found_.flatMap((here): Pair[] => {
    const at = last.findIndex(({ id }) => id === here.id);
    const before = first[at];
    const after = last[at];
    if (before === undefined || after === undefined) return [];
    const steady = before.status === after.status && before.digest === after.digest;
    return [{ here, main: after, steady }];
  });
  const worse = pairs.filter(({ here, main }) => main.status === 'ok' && here.status !== 'ok');
  const crashed = worse.filter(({ here }) => here.status === 'crashed');
  const failed = worse.filter(({ here }) => here.status !== 'crashed');
  // Code that is not compiled yet takes more stack: the first pass may fail where the second does not.
  const better = pairs.filter(
    ({ here, main, steady }) => here.status === 'ok' && main.status !== 'ok' && (steady || isStack(main)),
  );
  const differing = pairs.filter(
    ({ here, main, steady }) =>
      steady &&
      here.status === 'ok' &&
      main.status === 'ok' &&
      here.digest !== null &&
      here.digest !== main.digest,
  );
  return [
    ...(crashed.length === 0
      ? []
      : [
          found(
            ended,
            `${place}: ${documents(crashed.length)} ended the worker: ` +
              names(crashed.map(({ here }) => here)),
          ),
        ]),
    ...byCause(failed, ({ here }) => here).map(({ row, pairs }) =>
      found(
        row,
        `${place}: ${documents(pairs.length)} failed here but worked on the main thread: ` +
          names(pairs.map(({ here }) => here)),
      ),
    ),
    ...byCause(better, ({ main }) => main).map(({ row, pairs }) =>
      found(
        row,
        `${place}: ${documents(pairs.length)} worked here but failed on the main thread: ` +
          names(pairs.map(({ main }) => main)),
      ),
    ),
    ...(differing.length === 0 ? [] : [difference(differing, main, place)]),
  ];
}

function difference(differing: readonly Pair[], main: Probe, place: string): Finding {
  const results = differing.length === 1 ? 'result differs' : 'results differ';
  const named = names(differing.map(({ here }) => here));
  const said = `${place}: ${differing.length} ${results} from the main thread: ${named}`;
  if (main.environment.length === 0) return found(differs, said);
  return found(environment, `${said}; the task sets ${main.environment.join(', ')}`);
}

/** Groups documents by what their errors say about the cause. */
function byCause(
  pairs: readonly Pair[],
  failed: (pair: Pair) => DocumentFact,
): { readonly row: Row; readonly pairs: readonly Pair[] }[] {
  const rowOf = (pair: Pair) => causeOf(failed(pair));
  return [stack, refused, sharing, fails].flatMap((row) => {
    const ofRow = pairs.filter((pair) => rowOf(pair) === row);
    return ofRow.length === 0 ? [] : [{ row, pairs: ofRow }];
  });
}

function causeOf(fact: DocumentFact): Row {
  const message = fact.error?.message ?? '';
  if (isStack(fact)) return stack;
  if (/not supported in workers|ERR_WORKER_UNSUPPORTED/.test(message)) return refused;
  return /EADDRINUSE|ENOENT|EEXIST|EBUSY|ETXTBSY|ENOTEMPTY|ELOCKED/.test(message) ? sharing : fails;
}

function isStack({ error }: DocumentFact): boolean {
  return /call stack size exceeded|too much recursion/i.test(error?.message ?? '');
}
