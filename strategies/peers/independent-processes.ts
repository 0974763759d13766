import { type ChildProcess, fork } from 'node:child_process';
import { deserialize } from 'node:v8';
import { inheritedFlags } from '../processes/exec-argv.js';
import { ownGroup } from '../processes/group.js';
import { crashed } from '../session/outcome.js';
import type { CarriedDocument } from '../session/reference.js';
import { guarded } from '../session/session.js';
import { errorOf } from '../session/task-error.js';
import { balance } from '../shared-memory/partition.js';
import type { Outcome, Strategy } from '../strategy.js';
import { PeerProcesses } from './peer-processes.js';
import { type PeerTask, peerTask } from './peer-task.js';
import type { Answer, Ask, Ran, Told, Usage } from './worker/independent-processes.js';

/**
 * The machine limit: as many processes as workers, each of which runs the task over its part of the documents
 * in a plain loop. No code schedules anything while they run, so no strategy with as many workers can be
 * faster than this by more than noise.
 *
 * A run has three steps, and `runMs` is the time of the second one alone:
 * 1. All documents are pulled and divided, so that every process gets as many bytes as any other. Each
 *    process is sent the documents that it does not hold from the run before, and makes copies of them where
 *    its task may change them.
 * 2. All loops are started. The clock reads from the beginning of the first loop to the end of the last one.
 *    Each loop reads its files itself with delivery `reference`: the clock then includes the reading.
 * 3. The results, which the processes kept, are sent and emitted.
 *
 * Latencies have no meaning here, and the CPU time of a run includes the first and the last step. Because it
 * takes its whole source into memory, this is no way to run documents: the trait `limit` keeps it from being
 * recommended.
 */
export default {
  name: 'independent-processes',
  about: 'the machine limit: processes that each run a plain loop over documents that they already have',
  isolation: 'process',
  origin: 'bare',
  baseline: false,
  limit: true,
  concurrency: 'workers',
  measured: 'when named',
  maxRuns: 1,
  workerModule: new URL('./worker/independent-processes.js', import.meta.url).href,
  deliveries: ['message', 'reference'],
  travelsInFile: [],
  scales: true,
  async open(workload, { workers, delivery, runId }) {
    const task = peerTask(workload, runId);
    const loops = Array.from({ length: workers }, () => new Loop(task));
    const loaded = Promise.all(loops.map((loop) => loop.ask<Usage>({ kind: 'report' })));
    // The processes have been started by now: the first look finds them.
    const processes = new PeerProcesses(() => loops.map(({ pid }) => pid));
    const end = async () => {
      await Promise.all(loops.map((loop) => loop.end()));
      await processes.close();
    };
    try {
      await loaded;
    } catch (error) {
      await end();
      throw error;
    }
    let runMs = 0;
    return guarded({
      takesReferences: delivery === 'reference',
      runMs: () => runMs,
      async run(documents, emit) {
        const all: CarriedDocument[] = [];
        for await (const document of documents) all.push(document);
        const parts = balance(
          all,
          loops.map(() => 0),
          ({ size }) => size,
        );
        const lost = new Map<Loop, unknown>();
        const onEach = async (step: (loop: Loop, part: readonly CarriedDocument[]) => Promise<void>) => {
          const living = loops.filter((loop) => !lost.has(loop));
          const steps = living.map((loop) => step(loop, parts[loops.indexOf(loop)] as CarriedDocument[]));
          for (const [i, { status, ...settled }] of (await Promise.allSettled(steps)).entries())
            if (status === 'rejected') lost.set(living[i] as Loop, (settled as { reason: unknown }).reason);
        };
        await onEach((loop, part) => loop.prepare(part));
        const ran: Ran[] = [];
        await onEach(async (loop) => void ran.push(await loop.ask<Ran>({ kind: 'run' })));
        runMs = ran.length === 0 ? 0 : spanMs(ran);
        for (const [i, loop] of loops.entries()) {
          const part = parts[i] as CarriedDocument[];
          if (!lost.has(loop)) for await (const outcome of loop.outcomes(part)) await emit(outcome);
          else for (const document of part) await emit(crashed(document, lost.get(loop)));
        }
      },
      async members() {
        const usages = await Promise.all(loops.map((loop) => loop.ask<Usage>({ kind: 'report' })));
        return { processes: usages.map(({ member }) => member), engines: usages.map(({ engine }) => engine) };
      },
      async close() {
        await Promise.allSettled(loops.map((loop) => loop.ask({ kind: 'goodbye' })));
        await end();
      },
    });
  },
} satisfies Strategy;

function spanMs(ran: readonly Ran[]): number {
  const started = Math.min(...ran.map(({ startedMs }) => startedMs));
  return Math.max(...ran.map(({ endedMs }) => endedMs)) - started;
}

/** Documents are sent in messages of about this size, bytes. */
const messageBytes = 8e6;

/** One of the processes. When it has ended, the next question starts another one, which holds no document. */
class Loop {
  readonly #task: PeerTask;
  #child: ChildProcess | null = null;
  #held = new Set<string>();
  #asked: { resolve(body: unknown): void; reject(cause: Error): void } | null = null;

  constructor(task: PeerTask) {
    this.#task = task;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** @throws the error why the workload does not load; Error when the process ends before it answers. */
  ask<Body>(ask: Ask): Promise<Body> {
    return new Promise((resolve, reject) => {
      this.#asked = { resolve: resolve as (body: unknown) => void, reject };
      this.#child ??= this.#start();
      this.#child.send(ask, (error) => error !== null && this.#settle({ lost: error }));
    });
  }

  /** Gives the process the documents of the next run. Equal ids mean equal content. */
  async prepare(part: readonly CarriedDocument[]): Promise<void> {
    let documents: CarriedDocument[] = [];
    let bytes = 0;
    for (const [i, document] of part.entries()) {
      if (!this.#held.has(document.id)) {
        documents.push(document);
        bytes += document.size;
      }
      if (bytes < messageBytes && i < part.length - 1) continue;
      await this.ask({ kind: 'hold', documents });
      documents = [];
      bytes = 0;
    }
    await this.ask({ kind: 'prepare', documents: part.map(({ index, id }) => ({ index, id })) });
    this.#held = new Set(part.map(({ id }) => id));
  }

  async *outcomes(part: readonly CarriedDocument[]): AsyncGenerator<Outcome> {
    let emitted = 0;
    while (emitted < part.length) {
      let told: readonly Told[];
      try {
        told = await this.ask<readonly Told[]>({ kind: 'results' });
      } catch (cause) {
        for (const document of part.slice(emitted)) yield crashed(document, cause);
        return;
      }
      for (const { place, result, read } of told) {
        const { index, id } = part[place] as CarriedDocument;
        emitted++;
        const common = { index, id, worker: null, queuedMs: null, taskMs: null, ...read };
        yield result instanceof Uint8Array
          ? { ...common, status: 'ok', value: deserialize(result) }
          : { ...common, status: 'failed', error: result };
      }
    }
  }

  async end(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  #start(): ChildProcess {
    const child = fork(
      new URL('./worker/independent-processes.js', import.meta.url),
      [JSON.stringify(this.#task)],
      { serialization: 'advanced', execArgv: inheritedFlags(), ...ownGroup },
    );
    child.on('message', (answer: Answer) => this.#settle(answer));
    child.on('error', (error) => this.#settle({ lost: error }));
    child.on('exit', (code, signal) => {
      this.#held = new Set();
      this.#child = null;
      const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
      this.#settle({ lost: new Error(`worker process ended with ${how}`) });
    });
    return child;
  }

  #settle(answer: Answer | { readonly lost: Error }): void {
    const asked = this.#asked;
    this.#asked = null;
    if ('lost' in answer) asked?.reject(answer.lost);
    else if ('failure' in answer) asked?.reject(errorOf(answer.failure));
    else asked?.resolve(answer.body);
  }
}
