import type { colorsFor } from '../cli/terminal.js';
import { counted, number, size, whole } from '../words/units.js';
import { passMs } from './examine.js';
import type { Finding } from './finding.js';
import type { Tried } from './probe.js';
import type { DocumentFact } from './probe-host.js';
import { someOk } from './words.js';

/** The result of `forkwise check`, as data and as text for people. */
export interface CheckResult {
  readonly sound: boolean;
  readonly task: {
    readonly name: string;
    readonly file: string;
    readonly export: string;
    readonly sha256: string | null;
  };
  /** Sizes are in bytes; null if nothing was tried. */
  readonly documents: TriedDocuments | null;
  readonly places: readonly PlaceResult[];
  /** Measured in the second pass on the main thread; null if there was none. */
  readonly measures: Measures | null;
  readonly findings: readonly Finding[];
}

export interface TriedDocuments {
  /** The documents that were tried: fewer than `sampled` if the task is slow. */
  readonly count: number;
  readonly sampled: number;
  /** Number of documents that there are. */
  readonly found: number;
  readonly bytes: number;
  readonly made_up: boolean;
}

export interface PlaceResult {
  readonly name: string;
  readonly state: Tried['state'];
  readonly startup_ms: number | null;
  readonly documents_ok: number | null;
  readonly documents_failed: number | null;
}

export interface Measures {
  readonly p50_ms: number | null;
  readonly max_ms: number | null;
  readonly result_bytes_mean: number | null;
  readonly result_bytes_max: number | null;
  readonly memory_bytes: number;
  /** Null if no document was ok. */
  readonly waiting_percent: number | null;
}

export function placeResult(tried: Tried): PlaceResult {
  const { state, place } = tried;
  if (state !== 'done')
    return { name: place.name, state, startup_ms: null, documents_ok: null, documents_failed: null };
  const facts = tried.probe.passes.at(-1) ?? [];
  const ok = facts.filter(({ status }) => status === 'ok').length;
  return {
    name: place.name,
    state,
    startup_ms: tried.probe.startupMs,
    documents_ok: ok,
    documents_failed: facts.length - ok,
  };
}

export function measuresOf(main: Tried | undefined): Measures | null {
  if (main?.state !== 'done') return null;
  const facts = main.probe.passes.at(-1) ?? [];
  const times = known(facts, 'taskMs').sort((a, b) => a - b);
  const bytes = known(facts, 'resultBytes');
  return {
    p50_ms: times[Math.floor(times.length / 2)] ?? null,
    max_ms: times.at(-1) ?? null,
    result_bytes_mean:
      bytes.length === 0 ? null : bytes.reduce((sum, count) => sum + count, 0) / bytes.length,
    result_bytes_max: bytes.length === 0 ? null : Math.max(...bytes),
    memory_bytes: main.probe.memoryBytes,
    waiting_percent: someOk(facts) ? 100 * main.probe.waiting : null,
  };
}

function known(facts: readonly DocumentFact[], key: 'taskMs' | 'resultBytes'): number[] {
  return facts.map((fact) => fact[key]).filter((value) => value !== null);
}

export function resultText(
  { sound, task, documents, places, measures, findings }: CheckResult,
  colors: ReturnType<typeof colorsFor>,
): string {
  const marks = {
    ok: colors.green('ok     '),
    note: colors.dim('note   '),
    warning: colors.yellow('warning'),
    error: colors.red('error  '),
  };
  const width = Math.max(...findings.map(({ id }) => id.length));
  const lines = findings.map(({ id, level, said, remedy }) => {
    const indent = ' '.repeat(11 + width);
    const advice = remedy === undefined ? '' : `\n${indent}→ ${remedy}`;
    return `${marks[level]}  ${id.padEnd(width)}  ${said.replaceAll('\n', `\n${indent}`)}${advice}`;
  });
  const warned = findings.some(({ level }) => level === 'warning');
  const verdict = !sound
    ? colors.red('Not sound: see the lines marked error.')
    : warned
      ? colors.yellow('It runs in every kind of worker, but see the lines marked warning.')
      : colors.green('Sound: it can be measured, and used in workers.');
  const measured = measures === null ? '' : `\n${measureLines(measures)}\n`;
  const title = colors.bold(`${task.name}${documents === null ? '' : ` on ${triedText(documents)}`}`);
  return `${title}\n\n${table(places)}${measured}\n${lines.join('\n')}\n\n${colors.bold(verdict)}\n`;
}

/** Says how many documents were tried, of how many, and whether time was the reason. */
function triedText({ count, sampled, found, bytes, made_up }: TriedDocuments): string {
  const of = count < found ? `${whole(count)} of ` : '';
  const documents = counted(Math.max(count, found), made_up ? 'made-up document' : 'document');
  const cut = count < sampled ? `: more did not fit into ${number(passMs / 1e3)} s` : '';
  return `${of}${documents}, ${size(bytes)}${cut}`;
}

function table(places: readonly PlaceResult[]): string {
  if (places.length === 0) return '';
  const cell = (value: number | null, unit = '') => (value === null ? '–' : `${number(value)}${unit}`);
  const rows = [
    ['where', 'state', 'start-up', 'ok', 'not'],
    ...places.map(({ name, state, startup_ms, documents_ok, documents_failed }) => [
      name,
      state,
      cell(startup_ms, ' ms'),
      cell(documents_ok),
      cell(documents_failed),
    ]),
  ];
  const widths = rows[0]?.map((_, i) => Math.max(...rows.map((row) => (row[i] as string).length))) ?? [];
  return `${rows
    .map((row) =>
      row
        .map((text, i) => text.padEnd(widths[i] as number))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}

function measureLines({
  p50_ms,
  max_ms,
  result_bytes_mean,
  result_bytes_max,
  memory_bytes,
  waiting_percent,
}: Measures): string {
  const amount = (value: number | null, show: (value: number) => string) =>
    value === null ? 'unknown' : show(value);
  const ms = (value: number) => `${number(value)} ms`;
  return [
    `time per document ${amount(p50_ms, ms)} (median), ${amount(max_ms, ms)} (longest)`,
    `result            ${amount(result_bytes_mean, size)} (mean), ` +
      `${amount(result_bytes_max, size)} (largest)`,
    `memory            ${size(memory_bytes)} more during a single document`,
    `waiting           ${amount(waiting_percent, (share) => `${Math.round(share)} % of the time`)}`,
  ].join('\n');
}
