import { join } from 'node:path';
import { usableShare } from '../../../strategies/processes/memory-share.js';
import { type Budget, oneMore, opening, type Share } from '../../groups/budget.js';
import type { Group } from '../../groups/plan.js';
import { type Reducer, reduce } from '../../groups/reduce.js';
import { files, processTree, treeMemory } from '../../measure/proc.js';
import { counted } from '../../words/units.js';
import { type GroupEvents, GroupRun, type ReadyGroup } from './group-run.js';

/** How a group ended. */
export type GroupEnd =
  | { readonly state: 'done' | 'stopped'; readonly run: GroupRun; readonly reduced: Reduced | null }
  /** It could not begin, or something other than a document failed. */
  | { readonly state: 'broken'; readonly run: GroupRun | null; readonly error: Error }
  /** The group waits for one that was not done, or the job was stopped. */
  | { readonly state: 'skipped'; readonly why: string };

/** A reduction that has ended: a file with its result, or an error. */
export type Reduced = { readonly out: string } | { readonly error: Error };

export interface RunGroupsOptions {
  readonly groups: readonly ReadyGroup[];
  readonly budget: Budget;
  readonly memoryBytes: number;
  /** The folder of the results. */
  readonly out: string;
  readonly events: GroupEvents;
  /** Stops the job in order. */
  readonly stop: (why: string) => void;
  readonly write: (path: string, text: string) => void;
  readonly ended: (ready: ReadyGroup, end: GroupEnd) => void;
}

/** A look at the memory that is used, ms after the last one. */
const lookMs = 200;
/** A reduction holds one outcome at a time, and what it makes of all of them, MB. */
const reduceMb = 256;

/**
 * Runs the groups of a job. A group waits until the groups that it names are done and its share of the budget
 * is free; a group that ends gives its share to the next one at once. Cores that no group waits for go to the
 * groups that are running.
 */
export class GroupsRun {
  readonly #options: RunGroupsOptions;
  readonly #waiting: ReadyGroup[];
  readonly #running = new Map<string, GroupRun>();
  readonly #ends = new Map<string, GroupEnd>();
  readonly #reductions: { readonly claim: Share; readonly begin: () => void }[] = [];
  #mainThreadIsFree = true;
  #isAdvancing = false;
  #isDue = false;
  #resolve: () => void = () => {};

  constructor(options: RunGroupsOptions) {
    this.#options = options;
    this.#waiting = [...options.groups];
  }

  get running(): Iterable<GroupRun> {
    return this.#running.values();
  }

  /** Runs all groups. Never throws because of a group. @returns the end of each by its name */
  async run(): Promise<ReadonlyMap<string, GroupEnd>> {
    const timer = setInterval(() => this.#advance(), lookMs);
    try {
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        this.#advance();
      });
    } finally {
      clearInterval(timer);
    }
    return this.#ends;
  }

  /** Begins what can begin now. What begins may end at once, and then others can begin. */
  #advance(): void {
    this.#isDue = true;
    if (this.#isAdvancing) return;
    this.#isAdvancing = true;
    while (this.#isDue) {
      this.#isDue = false;
      this.#step();
    }
    this.#isAdvancing = false;
  }

  #step(): void {
    this.#skip();
    const { budget } = this.#options;
    for (const reduction of [...this.#reductions])
      if (budget.fits(reduction.claim)) {
        this.#reductions.splice(this.#reductions.indexOf(reduction), 1);
        budget.take(reduction.claim);
        reduction.begin();
      }
    const ready = this.#waiting.filter(({ group }) => group.after.every((name) => this.#ends.has(name)));
    const fitting = ready.filter(({ claim }) => budget.fits(claim) && this.#hasMemory(claim));
    const shares = opening(
      fitting.map(({ claim }) => claim),
      { budget, mainThreadIsFree: this.#mainThreadIsFree, others: ready.length - fitting.length },
    );
    for (const group of ready) {
      const share = shares.get(group.group.name);
      if (share !== undefined) this.#begin(group, share);
    }
    if (shares.size === ready.length && this.#reductions.length === 0) this.#grow();
    if (this.#ends.size === this.#options.groups.length) this.#resolve();
  }

  /** Gives cores that are left to the group that needs them longest. */
  #grow(): void {
    const { budget } = this.#options;
    while (budget.freeCores > 0) {
      const [run] = [...this.#running.values()]
        .filter((run) => run.isWorthMore && budget.fits(oneMore(run.ready.claim)))
        .sort((a, b) => (b.remainingMs ?? 0) - (a.remainingMs ?? 0));
      if (run === undefined || !this.#hasMemory(oneMore(run.ready.claim))) return;
      const share = oneMore(run.ready.claim);
      budget.take(share);
      this.#options.events.say(`${run.ready.group.name}: 1 worker more`);
      this.#session(run, share);
    }
  }

  /** Groups that wait for one that could not do its documents have nothing to begin with. */
  #skip(): void {
    const { stop } = this.#options.events;
    for (const ready of [...this.#waiting]) {
      const missing = ready.group.after.find((name) => {
        const state = this.#ends.get(name)?.state;
        return state !== undefined && state !== 'done';
      });
      if (!stop.aborted && missing === undefined) continue;
      this.#waiting.splice(this.#waiting.indexOf(ready), 1);
      this.#isDue = true;
      const why = missing === undefined ? 'the job was stopped' : `group "${missing}" was not done`;
      this.#end(ready, { state: 'skipped', why });
    }
  }

  /**
   * Whether the memory that is in use leaves room for a share. Buffers of threads are outside their limits,
   * so a group may use more than its share.
   */
  #hasMemory({ memoryMb }: Share): boolean {
    if (this.#running.size === 0) return true;
    const usedBytes = treeMemory(files, processTree(files, process.pid));
    return usedBytes === null || usedBytes + memoryMb * 2 ** 20 <= usableShare * this.#options.memoryBytes;
  }

  #begin(ready: ReadyGroup, share: Share): void {
    const { budget, events } = this.#options;
    this.#waiting.splice(this.#waiting.indexOf(ready), 1);
    let run: GroupRun;
    try {
      run = new GroupRun(ready, events);
    } catch (error) {
      budget.give(share);
      this.#end(ready, { state: 'broken', run: null, error: error as Error });
      this.#advance();
      return;
    }
    this.#running.set(ready.group.name, run);
    if (!run.needsWorkers) {
      budget.give(share);
      void this.#close(run);
      return;
    }
    if (ready.claim.isOnMainThread) this.#mainThreadIsFree = false;
    events.say(`${ready.group.name}: ${counted(share.cores, 'worker')}`);
    this.#session(run, share);
  }

  /** Runs one session of a group, and gives its share back when it ends. */
  #session(run: GroupRun, share: Share): void {
    const { budget } = this.#options;
    const name = run.ready.group.name;
    run
      .run(share)
      .catch((error: Error) => {
        this.#errors.set(name, this.#errors.get(name) ?? error);
      })
      .then(() => {
        budget.give(share);
        // Two sessions may end in the same turn, and the group ends once.
        if (run.cores === 0 && this.#running.has(name)) void this.#close(run);
        else this.#advance();
      });
  }

  readonly #errors = new Map<string, Error>();

  async #close(run: GroupRun): Promise<void> {
    const { ready } = run;
    const { name } = ready.group;
    if (ready.claim.isOnMainThread && run.needsWorkers) this.#mainThreadIsFree = true;
    this.#running.delete(name);
    const error = this.#errors.get(name);
    if (ready.group.stopOnFailure && (error !== undefined || run.output.tally.notOkCount > 0))
      this.#stop(name);
    this.#advance(); // its share is free
    try {
      await run.end();
      if (error !== undefined) throw error;
      const reduced = run.isComplete ? await this.#reduce(ready) : null;
      this.#end(ready, { state: run.isComplete ? 'done' : 'stopped', run, reduced });
    } catch (error) {
      this.#end(ready, { state: 'broken', run, error: error as Error });
    }
    this.#advance();
  }

  #end(ready: ReadyGroup, end: GroupEnd): void {
    const { name, stopOnFailure } = ready.group;
    this.#ends.set(name, end);
    this.#options.ended(ready, end);
    if (stopOnFailure && hasFailed(end)) this.#stop(name);
  }

  #stop(name: string): void {
    const { stop, events } = this.#options;
    if (!events.stop.aborted) stop(`group "${name}" has failures`);
  }

  async #reduce({ group, reducer }: ReadyGroup): Promise<Reduced | null> {
    if (reducer === null) return null;
    const { out } = this.#options;
    return this.reduction(
      { reducer, groups: [group], group: group.name, options: group.options },
      join(out, `${group.name}.reduced.json`),
    );
  }

  /** Reduces the outcomes of groups as soon as a core is free for it. */
  async reduction(
    {
      reducer,
      groups,
      group,
      options,
    }: {
      readonly reducer: Reducer;
      readonly groups: readonly Group[];
      readonly group: string | null;
      readonly options: Readonly<Record<string, unknown>>;
    },
    path: string,
  ): Promise<Reduced> {
    const { budget, events, out, write } = this.#options;
    const claim = { cores: 1, memoryMb: Math.min(reduceMb, budget.memoryFor(1)) };
    await new Promise<void>((begin) => {
      this.#reductions.push({ claim, begin });
      this.#advance();
    });
    try {
      const text = await reduce(
        reducer,
        { files: groups.map(({ name }) => join(out, `${name}.ndjson`)), group, options },
        { heapMb: Math.max(16, Math.floor(claim.memoryMb)), signal: events.stop },
      );
      write(path, `${text}\n`);
      return { out: path };
    } catch (error) {
      return { error: error as Error };
    } finally {
      budget.give(claim);
      this.#advance();
    }
  }
}

/** True for a group with documents that are not ok, or that was not done. */
export function hasFailed(end: GroupEnd): boolean {
  if (end.state === 'broken') return true;
  if (end.state === 'skipped') return false;
  return end.run.output.tally.notOkCount > 0 || (end.reduced !== null && 'error' in end.reduced);
}
