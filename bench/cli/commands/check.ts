import { strategies } from '../../../strategies/index.js';
import { effectiveCores } from '../../../strategies/processes/cores.js';
import {
  type Corpus,
  type FileList,
  findFiles,
  notSampled,
  sampleFiles,
} from '../../../workloads/documents.js';
import { syntheticCorpus } from '../../../workloads/synthetic.js';
import { compileTask, locateTask, type TaskFile, taskName } from '../../../workloads/task-file.js';
import { keepFindings } from '../../../workloads/task-findings.js';
import { NoTemporaryFolder } from '../../../workloads/temporary.js';
import { examine } from '../../check/examine.js';
import type { Finding } from '../../check/finding.js';
import { type CheckResult, measuresOf, placeResult, resultText } from '../../check/result.js';
import { exitCode, UsageError } from '../../errors.js';
import { HelperProcesses } from '../../trials/helper-processes.js';
import { loadStrategies } from '../../trials/prepare.js';
import { parseCount, parseDuration, parseSize } from '../../words/parse.js';
import { handleSignals } from '../signals.js';
import { colorsFor, note, print } from '../terminal.js';

export interface CheckFlags {
  task: string;
  docs?: string;
  documents: string;
  timeout: string;
  maxMemory?: string;
  seed: string;
  json?: true;
  /** The task gets these; only a job file has them. */
  options?: Readonly<Record<string, unknown>>;
}

/** `forkwise check`: is the task sound, and what does it cost? @returns the exit code */
export async function check(flags: CheckFlags): Promise<number> {
  const count = parseCount(flags.documents, '--documents');
  const timeoutMs = parseDuration(flags.timeout, '--timeout');
  const maxMemoryBytes = flags.maxMemory === undefined ? null : parseSize(flags.maxMemory, '--max-memory');
  const seed = parseCount(flags.seed, '--seed');
  const source = sourceOf(flags.task);
  const { corpus, found, left } = await corpusOf(flags.docs, { count, seed });
  const compiled = await compileTask(flags.task, flags.options).catch((cause: Error) => {
    if (cause instanceof NoTemporaryFolder) throw cause;
    return cause;
  });
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
      : await checked(compiled, corpus, {
          timeoutMs,
          maxMemoryBytes,
          found,
          about: aboutDocuments(flags.docs, left),
        });
  print(flags.json ? `${JSON.stringify(result, null, 2)}\n` : resultText(result, colorsFor(process.stdout)));
  return result.sound ? exitCode.ok : exitCode.invalid;
}

/** Documents that are made up have this size, as in `bench`. */
const madeUpBytes = 10_000;

interface Chosen {
  readonly corpus: Corpus;
  /** There are this many documents. */
  readonly found: number;
  /** Says which files are never sampled. */
  readonly left: string | null;
}

async function corpusOf(
  docs: string | undefined,
  { count, seed }: { count: number; seed: number },
): Promise<Chosen> {
  if (docs === undefined) {
    const corpus = syntheticCorpus({ name: '10KB', size: madeUpBytes, count, complexity: 'medium', seed });
    return { corpus, found: count, left: null };
  }
  const list = await findFiles(docs);
  const corpus = await withLargest(list, { count, seed });
  return { corpus, found: list.files.length, left: notSampled(list) };
}

/** Every sample begins with this many of the largest files, because most tasks need most for them. */
const largest = 2;
/** All documents are in memory at once, in several processes. */
const maxBytes = 100_000_000;

async function withLargest(
  list: FileList,
  { count: asked, seed }: { count: number; seed: number },
): Promise<Corpus> {
  const meanBytes = list.files.reduce((sum, { size }) => sum + size, 0) / list.files.length;
  const fitting = Math.max(largest, Math.floor(maxBytes / Math.max(1, meanBytes)));
  const count = Math.min(asked, fitting);
  const at = Math.max(0, list.files.length - Math.min(largest, count));
  const parts = [list.files.slice(at).reverse(), list.files.slice(0, at)];
  const counts = [count, Math.max(0, count - largest)];
  const samples = await Promise.all(
    parts.map((files, i) => sampleFiles({ ...list, files }, { count: counts[i] as number, seed })),
  );
  const documents = samples.flatMap(({ documents }) => documents);
  return { name: 'docs', documents: documents.map((document, index) => ({ ...document, index })) };
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
  {
    timeoutMs,
    maxMemoryBytes,
    found,
    about,
  }: {
    readonly timeoutMs: number;
    readonly maxMemoryBytes: number | null;
    /** There are this many documents. */
    readonly found: number;
    /** Findings about the documents as a whole. */
    readonly about: readonly Finding[];
  },
): Promise<CheckResult> {
  const helpers = new HelperProcesses();
  const signals = handleSignals({ atOnce: () => helpers.end() });
  try {
    const { tried, findings, documents } = await examine(helpers, {
      task: compiled.ref,
      corpus,
      timeoutMs,
      maxMemoryBytes,
      strategies: await loadStrategies(strategies.map(({ url }) => url)),
      cores: effectiveCores().effective,
      say: (step) => note(colorsFor(process.stderr).dim(`${compiled.ref.name}: ${step}`)),
    });
    keepFindings(
      compiled.sha256,
      findings.filter(({ isTried }) => isTried !== false),
    );
    return {
      sound: findings.every(({ level }) => level !== 'error'),
      task: {
        name: compiled.ref.name,
        file: compiled.file,
        export: compiled.export,
        sha256: compiled.sha256,
      },
      documents: {
        count: documents.length,
        sampled: corpus.documents.length,
        found,
        bytes: documents.reduce((sum, { size }) => sum + size, 0),
        made_up: about.includes(madeUpDocuments),
      },
      places: tried.map(placeResult),
      measures: measuresOf(tried[0]),
      findings: [...findings, ...about],
    };
  } finally {
    helpers.end();
    signals.end();
  }
}

function aboutDocuments(docs: string | undefined, left: string | null): Finding[] {
  if (docs === undefined) return [madeUpDocuments];
  return left === null ? [] : [{ id: 'documents', level: 'note', said: left }];
}

const madeUpDocuments: Finding = {
  id: 'documents',
  level: 'note',
  said: 'the documents were made up: 10 KB of text each',
  remedy: "try it on yours: --docs './samples/**'",
};
