import { join } from 'node:path';
import { strategies } from '../../../strategies/index.js';
import type { Isolation } from '../../../strategies/strategy.js';
import { type Corpus, findFiles, sampleFiles } from '../../../workloads/documents.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import { compileTask, locateTask, type TaskFile, taskName } from '../../../workloads/task-file.js';
import { type Finding, findingsOf } from '../../check/findings.js';
import { type Place, type Tried, tryIn } from '../../check/probe.js';
import { type CheckResult, measuresOf, placeResult, resultText } from '../../check/result.js';
import { exitCode, UsageError } from '../../errors.js';
import { writeCorpus } from '../../trials/corpus-file.js';
import { Wards } from '../../trials/helper-processes.js';
import { baselineOf, type LoadedStrategy } from '../../trials/plan.js';
import { loadStrategies } from '../../trials/prepare.js';
import { parseCount, parseDuration } from '../../words/parse.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

export interface CheckFlags {
  task: string;
  docs?: string;
  documents: string;
  timeout: string;
  seed: string;
  json?: true;
}

/** `forkwise check`: is the task sound, and what does it cost? @returns the exit code */
export async function check(flags: CheckFlags): Promise<number> {
  const count = parseCount(flags.documents, '--documents');
  const timeoutMs = parseDuration(flags.timeout);
  const seed = parseCount(flags.seed, '--seed');
  const source = sourceOf(flags.task);
  const corpus = await corpusOf(flags.docs, { count, seed });
  const compiled = await compileTask(flags.task).catch((cause: Error) => cause);
  const task = { name: taskName(source), file: source.file, export: source.export };
  const result: CheckResult =
    compiled instanceof Error
      ? {
          sound: false,
          task: { ...task, sha256: null },
          documents: null,
          places: [],
          measures: null,
          findings: [uncompiled(compiled)],
        }
      : await checked(compiled, corpus, { timeoutMs, madeUp: flags.docs === undefined });
  print(flags.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result, colorsFor(process.stdout)));
  return result.sound ? exitCode.ok : exitCode.invalid;
}

/** Documents that are made up have this size, as in `bench`. */
const madeUpBytes = 10_000;

async function corpusOf(
  docs: string | undefined,
  { count, seed }: { count: number; seed: number },
): Promise<Corpus> {
  if (docs !== undefined) return sampleFiles(await findFiles(docs), { count, seed });
  return syntheticCorpus({ name: '10KB', size: madeUpBytes, count, complexity: 'medium', seed });
}

function sourceOf(task: string): ReturnType<typeof locateTask> {
  try {
    return locateTask(task);
  } catch (cause) {
    throw new UsageError(`--${(cause as Error).message}`, { cause });
  }
}

function uncompiled({ message }: Error): Finding {
  const [, what = message] = /^task ".*?"(?: does not compile)?: ([\s\S]*)$/.exec(message) ?? [];
  return { id: 'compiles', level: 'error', said: `does not compile: ${what}` };
}

async function checked(
  compiled: TaskFile,
  corpus: Corpus,
  { timeoutMs, madeUp }: { timeoutMs: number; madeUp: boolean },
): Promise<CheckResult> {
  const wards = new Wards();
  const signals = handleSignals({ atOnce: () => wards.end() });
  try {
    const request = {
      workload: compiled.ref,
      corpus: writeCorpus(join(wards.folder, 'check'), corpus.documents),
      timeoutMs,
    };
    const tried: Tried[] = [];
    for (const place of await places()) {
      note(colorsFor(process.stderr).dim(`${compiled.ref.name}: ${place.name}`));
      const before = tried[0];
      tried.push(
        before === undefined || before.state === 'done'
          ? await tryIn(wards, place, request)
          : { place, state: 'skipped' },
      );
    }
    const findings = [...findingsOf(tried, { timeoutMs }), ...(madeUp ? [madeUpDocuments] : [])];
    return {
      sound: findings.every(({ level }) => level !== 'error'),
      task: {
        name: compiled.ref.name,
        file: compiled.file,
        export: compiled.export,
        sha256: compiled.sha256,
      },
      documents: {
        count: corpus.documents.length,
        bytes: corpus.documents.reduce((sum, { size }) => sum + size, 0),
        made_up: madeUp,
      },
      places: tried.map(placeResult),
      measures: measuresOf(tried[0]),
      findings,
    };
  } finally {
    wards.end();
    signals.end();
  }
}

const madeUpDocuments: Finding = {
  id: 'documents',
  level: 'note',
  said: 'the documents were made up: 10 KB of text each',
  remedy: "try it on yours: --docs './samples/**'",
};

/** The task is tried once at each level of isolation, with the first strategy of the list that has it. */
async function places(): Promise<Place[]> {
  const loaded = await loadStrategies(strategies.map(({ url }) => url));
  const urlOf = (isolation: Isolation) =>
    (loaded.find(({ strategy }) => strategy.isolation === isolation) as LoadedStrategy).url;
  return [
    { name: 'main thread', strategy: baselineOf(loaded).url, workers: 1, passes: 2, graceMs: 2_000 },
    // A worker that ends is replaced, and the document runs once more: twice its time, and a start each.
    { name: 'two threads at once', strategy: urlOf('thread'), workers: 2, passes: 1, graceMs: 60_000 },
    { name: 'child process', strategy: urlOf('process'), workers: 1, passes: 1, graceMs: 60_000 },
  ];
}
