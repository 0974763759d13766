import { join } from 'node:path';
import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import { memoryBytes } from '../../../strategies/processes/memory-share.js';
import { findFiles, sampleFiles } from '../../../workloads/documents.js';
import { compileTask } from '../../../workloads/task-file.js';
import { urlsOf } from '../../check/examine.js';
import grows from '../../check/findings/grows.js';
import { type Tried, tryIn } from '../../check/probe.js';
import { exitCode, UnfitError, UsageError } from '../../errors.js';
import { measureWorker } from '../../size/measure.js';
import { type SizeResult, sizeRows, sizeText, type WorkerKind } from '../../size/words.js';
import { writeCorpus } from '../../trials/corpus-file.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { baselineOf } from '../../trials/plan.js';
import { loadStrategies } from '../../trials/prepare.js';
import { parseCount, parseDuration, parseSize } from '../../words/parse.js';
import { number } from '../../words/units.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

export interface SizeFlags {
  task?: string;
  docs?: string;
  documents: string;
  timeout: string;
  maxMemory?: string;
  cores?: string;
  seed: string;
  json?: true;
  /** The task gets these; only a job file has them. */
  options?: Readonly<Record<string, unknown>>;
}

/** A task that waits for this share of its time is not limited by cores. */
const waitingShare = 0.9;
/** The share of the time is measured over the first documents, ms. */
const probeMs = 3_000;
/** This many of the largest documents are always there: most tasks need most memory for them. */
const largest = 4;
/** All documents of the other measurements are in memory at once, bytes. */
const maxBytes = 100_000_000;

/**
 * `forkwise size`: measures what one worker alone needs, and says how many fit.
 * @returns the exit code: 3 when no number of workers is safe
 */
export async function sizeCommand(flags: SizeFlags): Promise<number> {
  const { task: given, docs } = flags;
  if (given === undefined) throw new UsageError('expected --task, the path of a module like ./parse.ts');
  if (docs === undefined) throw new UsageError('expected --docs, a folder or a glob of your documents');
  const timeoutMs = parseDuration(flags.timeout, '--timeout');
  const count = parseCount(flags.documents, '--documents');
  const seed = parseCount(flags.seed, '--seed');
  const cores = flags.cores === undefined ? effectiveCores().effective : parseCount(flags.cores, '--cores');
  const limitBytes =
    flags.maxMemory === undefined ? memoryBytes() : parseSize(flags.maxMemory, '--max-memory');
  const { ref } = await compileTask(given, flags.options);
  const list = await findFiles(docs);
  const loaded = await loadStrategies(strategies.map(({ url }) => url));
  const helpers = new HelperProcesses();
  const signals = handleSignals({ atOnce: () => helpers.end() });
  const say = (step: string) => note(colorsFor(process.stderr).dim(`${ref.name}: ${step}`));
  try {
    const files = [
      ...list.files.slice(-Math.min(largest, count)).reverse(),
      ...list.files.slice(0, -largest).slice(0, Math.max(0, count - largest)),
    ].map(({ id, path }) => ({ id, path }));
    const small = list.files.filter(({ size }) => size <= maxBytes / count);
    const { documents } = await sampleFiles(
      { ...list, files: small.length > 0 ? small : list.files.slice(0, 1) },
      { count, seed },
    );
    const corpus = writeCorpus(join(helpers.folder, 'size'), documents);
    say('waiting and computing');
    const main = {
      name: 'main thread' as const,
      strategy: baselineOf(loaded).url,
      workers: 1,
      passes: 1,
      timeMs: probeMs,
      graceMs: 2_000,
    };
    const tried = await tryIn(helpers, main, { workload: ref, corpus, timeoutMs, loadsTask: true });
    if (tried.state !== 'done') {
      const end = tried.state === 'ended' ? endText(tried, timeoutMs) : 'it did not begin';
      throw new UnfitError(`expected a task that processes its documents; ${end}; try \`forkwise check\``);
    }
    const [pass = []] = tried.probe.passes;
    const inTime = documents.flatMap((_, index) => (pass[index]?.status === 'ok' ? [index] : []));
    if (inTime.length === 0)
      throw new UnfitError(
        'expected a task that processes its documents, ' +
          `but none of ${documents.length} was ok; try \`forkwise check\``,
      );
    say('memory over many documents');
    const lab = { helpers, task: ref, corpus, inTime, strategies: urlsOf(loaded) };
    const [growth] = await grows.measure({ timeoutMs }, lab);
    const workers: WorkerKind[] = [];
    for (const kind of ['thread', 'process'] as const) {
      const entry = loaded.find(
        ({ strategy }) => strategy.isolation === kind && strategy.deliveries.includes('reference'),
      );
      if (entry === undefined) continue;
      say(`one worker ${kind} alone`);
      const request = { workload: ref, strategy: entry.url, files, timeoutMs };
      workers.push({ kind, ...(await measureWorker(helpers, request)) });
    }
    const { kind, waiting } = tried.probe;
    const result: SizeResult = {
      task: ref.name,
      cores,
      waits: kind === 'io' || (kind === null && waiting >= waitingShare),
      memoryBytes: limitBytes,
      isGiven: flags.maxMemory !== undefined,
      grows: growth === undefined || growth.level === 'ok' ? null : growth.said,
      workers,
    };
    print(
      flags.json ? `${JSON.stringify({ ...result, rows: sizeRows(result) }, null, 2)}\n` : sizeText(result),
    );
    return result.grows === null ? exitCode.ok : exitCode.invalid;
  } finally {
    helpers.end();
    signals.end();
  }
}

/** A process that took too long is ended by us: its signal says nothing about the task. */
function endText(
  { step, id, late, said }: Extract<Tried, { readonly state: 'ended' }>,
  timeoutMs: number,
): string {
  if (!late) return said;
  const seconds = `${number(timeoutMs / 1e3)} s`;
  if (step === 'loading') return `loading and setup took longer than ${seconds}`;
  return `document "${id}" was still running after ${seconds}`;
}
