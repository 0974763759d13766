import type { Kind } from '../../workloads/workload.js';
import { kindOf } from '../measure/waiting.js';
import { number, size } from '../words/units.js';
import type { Tried } from './probe.js';
import type { DocumentFact, Probe } from './probe-host.js';

/**
 * One property of the task that was checked. A task with an `error` cannot be measured or used in workers as
 * it is.
 */
export interface Finding {
  /** Stable name of the property, whatever was found. */
  readonly id: string;
  readonly level: 'ok' | 'note' | 'warning' | 'error';
  readonly said: string;
  readonly remedy?: string;
}

/** Derives the findings from all places together. The first must be the main thread, with two passes. */
export function findingsOf(
  tried: readonly Tried[],
  { timeoutMs }: { readonly timeoutMs: number },
): Finding[] {
  const [main, ...others] = tried as [Tried, ...Tried[]];
  const ends = tried.flatMap((place) => endOf(place, timeoutMs));
  if (main.state !== 'done') return ends;
  const { probe } = main;
  return [
    ...(ends.length > 0
      ? ends
      : [
          {
            id: 'loads',
            level: 'ok',
            said: 'loads on the main thread, in two threads at once and in a child process',
          } as const,
        ]),
    ...failures(probe, timeoutMs),
    ...cloneable(probe),
    ...deterministic(probe),
    ...others.flatMap((other) =>
      other.state === 'done' ? elsewhere(probe, other.probe, other.place.name) : [],
    ),
    ...ownDigest(tried),
    ...traps(probe),
    ...costs(probe),
    waiting(probe),
  ];
}

/** A finding names at most this many documents. */
const maxNamed = 3;

function names(facts: readonly DocumentFact[]): string {
  const shown = facts
    .slice(0, maxNamed)
    .map(({ id, error }) => `"${id}"${error === null ? '' : ` (${error.message})`}`);
  return `${shown.join(', ')}${facts.length > maxNamed ? `, and ${facts.length - maxNamed} more` : ''}`;
}

function endOf(tried: Tried, timeoutMs: number): Finding[] {
  if (tried.state !== 'ended') return [];
  const { place, step, id, late, said } = tried;
  const where = place.name;
  if (step === 'loading') {
    const how = late ? `loading and setup took longer than ${number(timeoutMs / 1e3)} s` : said;
    return [
      {
        id: 'loads',
        level: 'error',
        said: `does not load in ${where}: ${how}`,
        remedy: remedyOfLoading(said),
      },
    ];
  }
  if (late)
    return [tooSlow(`${where}: document "${id}" was still running after ${number(timeoutMs / 1e3)} s`)];
  return [
    {
      id: 'workers-end',
      level: 'error',
      said: `${where}: ${said}${id === null ? '' : ` (with document "${id}")`}`,
      remedy:
        'throw an error instead of ending the process, and await every promise: an unhandled rejection ends it too',
    },
  ];
}

function remedyOfLoading(said: string): string {
  if (/Cannot find (package|module)/.test(said))
    return 'install the missing module where the task can find it';
  return (
    'the module and its setup must load in a fresh process and in a thread, with only their options; ' +
    'move work that may fail into the task itself'
  );
}

function tooSlow(said: string): Finding {
  return {
    id: 'time-limit',
    level: 'error',
    said,
    remedy:
      'give it more time with --timeout, or find out why it does not end: ' +
      'a task that may hang needs a time limit and workers that can be ended',
  };
}

function failures({ passes: [first = []] }: Probe, timeoutMs: number): Finding[] {
  const late = first.filter(({ status }) => status === 'timed-out');
  const failed = first.filter((fact) => fact.status === 'failed' && !isUncloneable(fact));
  const all = failed.length === first.length;
  return [
    ...(late.length === 0
      ? []
      : [tooSlow(`still running after ${number(timeoutMs / 1e3)} s: ${names(late)}`)]),
    failed.length === 0
      ? { id: 'failures', level: 'ok', said: `fails on none of ${first.length} documents` }
      : {
          id: 'failures',
          level: all ? 'error' : 'warning',
          said: `fails on ${failed.length} of ${first.length} documents: ${names(failed)}`,
          remedy: all
            ? 'use documents that the task is made for (--docs), or fix the task'
            : 'a failure counts as done: leave such documents out, or return a result that says so',
        },
  ];
}

const isUncloneable = ({ error }: DocumentFact) => error?.name === 'DataCloneError';

function cloneable({ passes: [first = []] }: Probe): Finding[] {
  const refused = first.filter(isUncloneable);
  if (refused.length === 0)
    return [{ id: 'cloneable', level: 'ok', said: 'results can be cloned to another thread or process' }];
  return [
    {
      id: 'cloneable',
      level: 'error',
      said: `${refused.length} of ${first.length} results cannot leave a worker: ${names(refused)}`,
      remedy:
        'return plain data: objects, arrays, strings, numbers, typed arrays, maps and sets; ' +
        'no functions, symbols, promises or handles',
    },
  ];
}

function deterministic({ passes: [first = [], second = []] }: Probe): Finding[] {
  const differ = (key: 'digest' | 'result') =>
    first.filter((fact, i) => fact.status === 'ok' && fact[key] !== second[i]?.[key]);
  const status = first.filter((fact, i) => fact.status !== second[i]?.status);
  const differing = [...status, ...differ('digest').filter(({ digest }) => digest !== null)];
  if (differing.length > 0) {
    const remedy =
      'strategies are compared by their results: leave out times, random numbers and counters, ' +
      'or export a digest(result) that does';
    return [
      {
        id: 'deterministic',
        level: 'error',
        said:
          `two passes gave different results for ${differing.length} of ${first.length} documents: ` +
          names(differing),
        remedy,
      },
    ];
  }
  const hidden = differ('result').length;
  const said =
    hidden === 0
      ? 'two passes gave the same results'
      : `results differ from pass to pass on ${documents(hidden)}, and digest says that it does not matter`;
  return [{ id: 'deterministic', level: hidden === 0 ? 'ok' : 'note', said }];
}

/** Finds documents that work on the main thread but not in this place. */
function elsewhere(main: Probe, probe: Probe, place: string): Finding[] {
  const expected = main.passes.at(-1) ?? [];
  const [found = []] = probe.passes;
  const worse = found.filter((fact, i) => expected[i]?.status === 'ok' && fact.status !== 'ok');
  const ended = worse.filter(({ status }) => status === 'crashed');
  const failed = worse.filter(({ status }) => status !== 'crashed');
  const steady = (fact: DocumentFact, i: number) =>
    fact.status === 'ok' && main.passes[0]?.[i]?.digest === expected[i]?.digest;
  const differing = found.filter(
    (fact, i) =>
      steady(fact, i) &&
      expected[i]?.status === 'ok' &&
      fact.digest !== null &&
      fact.digest !== expected[i]?.digest,
  );
  return [
    ...(ended.length === 0
      ? []
      : [
          {
            id: 'workers-end',
            level: 'error',
            said: `${place}: ${documents(ended.length)} ended the worker: ${names(ended)}`,
            remedy:
              'throw an error instead of ending the worker; ' +
              'a native addon that crashes in a thread may work in a process',
          } as const,
        ]),
    ...(failed.length === 0
      ? []
      : [
          {
            id: 'places',
            level: 'error',
            said: `${place}: ${documents(failed.length)} failed here but worked on the main thread: ${names(failed)}`,
            remedy: 'do not use what workers lack: a current directory of their own, signals, standard input',
          } as const,
        ]),
    ...(differing.length === 0
      ? []
      : [
          {
            id: 'places',
            level: 'error',
            said:
              `${place}: ${differing.length} ${differing.length === 1 ? 'result differs' : 'results differ'} ` +
              `from the main thread: ${names(differing)}`,
            remedy:
              'a result must not depend on process.pid, threadId, earlier documents, or the class of a returned object',
          } as const,
        ]),
    ...(worse.length + differing.length > 0
      ? []
      : [{ id: 'places', level: 'ok', said: `${place}: as on the main thread` } as const]),
  ];
}

function ownDigest(tried: readonly Tried[]): Finding[] {
  const done = tried.flatMap((one) => (one.state === 'done' ? [one] : []));
  if (!done.some(({ probe }) => probe.hasDigest)) return [];
  const failed = done.find(({ probe }) => probe.digestFailure !== null);
  if (failed !== undefined) {
    const said = `digest threw on a result of ${failed.place.name}: ${failed.probe.digestFailure}`;
    const remedy =
      "it is given results as they come from a worker: plain objects, without their class's methods";
    return [{ id: 'digest', level: 'error', said, remedy }];
  }
  if (done.some(({ probe }) => probe.digestUnstable)) {
    const remedy = 'it must depend on the result alone, and must not change it';
    return [{ id: 'digest', level: 'error', said: 'digest gave two texts for one result', remedy }];
  }
  return [{ id: 'digest', level: 'ok', said: 'digest gives one text for one result' }];
}

function documents(count: number): string {
  return count === 1 ? '1 document' : `${count} documents`;
}

const trapRemedies: Record<string, string> = {
  'process.exit': 'ends the worker and the document that it is processing: throw an error instead',
  'process.abort': 'ends all workers of the process: throw an error instead',
  'process.chdir': 'threads refuse it: use absolute paths, as new URL("./file", import.meta.url)',
  'process.umask': 'threads refuse it: set the mode of each file',
  'process.on(signal)': 'signals do not reach threads: listen in the program that starts the workers',
  'process.send': "threads have none, and in a process the channel is the pool's: return the message instead",
  'process.disconnect': "threads have none, and in a process the channel is the pool's",
};

function often(times: number): string {
  return ['', 'once', 'twice'][times] ?? `${times} times`;
}

function traps({ traps }: Probe): Finding[] {
  return traps.map(({ call, times }) => ({
    id: `trap-${call.replace('process.', '').replace('on(signal)', 'signals')}`,
    level: call === 'process.exit' || call === 'process.abort' ? 'error' : 'warning',
    said: `calls ${call} (${often(times)})`,
    remedy:
      trapRemedies[call] ??
      'threads refuse it: users and groups belong to the program that starts the workers',
  }));
}

/** Moving a larger result costs more than processing most documents: about 10 ms between processes. */
const largeResult = 10_000_000;
/** Eight workers with as much need more than small machines and containers have. */
const largeMemory = 200_000_000;

function costs({ passes, memoryBytes, prints }: Probe): Finding[] {
  const largest = Math.max(0, ...(passes.at(-1) ?? []).map(({ resultBytes }) => resultBytes ?? 0));
  const found: Finding[] = [];
  if (largest >= largeResult) {
    const remedy =
      'every result is copied to the caller: return less, or write it to a file and return its path';
    found.push({
      id: 'result-size',
      level: 'warning',
      said: `the largest result takes ${size(largest)}`,
      remedy,
    });
  }
  if (memoryBytes >= largeMemory) {
    const remedy = 'every worker needs as much: process documents in pieces, or use fewer workers';
    found.push({
      id: 'memory',
      level: 'warning',
      said: `grew by ${size(memoryBytes)} during a single document`,
      remedy,
    });
  }
  if (prints.times > 0) {
    const remedy =
      'in a thread every line is a message to the main thread, and lines of several workers get mixed: ' +
      'return the text, or do not log here';
    found.push({
      id: 'stdout',
      level: 'warning',
      said: `prints to standard output: ${often(prints.times)}, ${size(prints.bytes)}`,
      remedy,
    });
  }
  return found;
}

/** Less work says little, milliseconds: a single pause of the machine could change the answer. */
const minMeasuredMs = 20;

function waiting({ waiting, measuredMs, kind: declared }: Probe): Finding {
  const kind = kindOf(waiting);
  const follows: Record<Kind, string> = {
    cpu: 'workers will gain, up to the cores; more in flight on one thread will not',
    io: 'more in flight on one thread will gain, workers hardly more than that',
    mixed: 'more in flight on one thread gains what waits, workers the rest',
  };
  const said = `${Math.round(100 * waiting)} % waiting: ${follows[kind]}`;
  if (measuredMs < minMeasuredMs) {
    const remedy = 'give it more documents, or larger ones';
    return {
      id: 'waiting',
      level: 'note',
      said: `${said}; but ${number(measuredMs)} ms of work say little`,
      remedy,
    };
  }
  if (declared === null || declared === kind) return { id: 'waiting', level: 'note', said };
  const remedy = `write \`export const kind = '${kind}'\`, or remove the line: then the kind is measured`;
  return {
    id: 'waiting',
    level: declared === 'mixed' || kind === 'mixed' ? 'note' : 'warning',
    said: `${said}; it says kind '${declared}'`,
    remedy,
  };
}
