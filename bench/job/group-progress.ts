import { ProgressBar } from '../cli/progress-bar.js';
import { number } from '../words/units.js';

/** What the progress needs of a group that is running. */
export interface CountedGroup {
  readonly ready: { readonly group: { readonly name: string } };
  /** Documents that have a line. */
  readonly done: number;
  /** Null until they have been counted. */
  readonly documents: number | null;
}

export interface GroupProgress {
  /** Begins with this number of groups. */
  start(groups: number): void;
  /** Documents of some group have their lines, or were counted. */
  step(): void;
  /** A group has ended; null if it never ran. */
  end(group: CountedGroup | null): void;
  say(text: string): void;
  stop(): void;
}

/** A log gets one line per ten seconds. */
const lineMs = 10_000;

/** Shows how many groups are done, and the documents of the running groups. */
export function groupProgressOn(
  stream: NodeJS.WriteStream,
  running: () => Iterable<CountedGroup>,
  now: () => number = () => performance.now(),
): GroupProgress {
  const bar = new ProgressBar(stream, { format: '{bar} {value}/{total} groups · {running}', lineMs, now });
  let ended = 0;
  let total = 0;
  let documents = 0;
  let startedMs = 0;
  const step = () =>
    bar.step(ended, () => {
      const groups = [...running()];
      const done = documents + groups.reduce((sum, group) => sum + group.done, 0);
      const rate = `${number(done / ((now() - startedMs) / 1e3))}/s`;
      const each = groups.map((group) => `${group.ready.group.name} ${group.done}/${group.documents ?? '–'}`);
      const text = [...each, rate].join(' · ');
      return { fields: { running: text }, line: `${ended}/${total} groups · ${text}` };
    });
  return {
    start(groups) {
      total = groups;
      startedMs = now();
      bar.start(groups, 0, { running: '' });
    },
    step,
    end(group) {
      ended++;
      documents += group?.done ?? 0;
      step();
    },
    say: (text) => bar.say(text),
    stop: () => bar.stop(),
  };
}
