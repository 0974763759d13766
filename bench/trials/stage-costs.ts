import { documentKey } from '../../services/document-key.js';
import { measuredRunId } from '../../services/task-services.js';
import type { LoadedWorkload } from '../../workloads/load-workload.js';
import { type OpenStage, openStage, partOf, type StageItem } from '../../workloads/stages/open-stage.js';
import { StageTimeout } from '../../workloads/stages/stage-error.js';
import { batchOf, givesArray, type Stage } from '../../workloads/stages/stages.js';
import { contextWithoutSession, type Document, type WorkloadRef } from '../../workloads/workload.js';
import { kindOf, WaitingMeter, waitingShare } from '../measure/waiting.js';
import { outcomeDigest } from './digest.js';
import type { StageCost } from './splits.js';

/**
 * Runs the stages of a task over documents on this thread, one stage after the other, in batches as large as
 * the stages allow, or in batches of one. It shows what each stage costs, and whether batches change results.
 */

export interface StageRunOptions {
  readonly ref: WorkloadRef;
  readonly documents: readonly Document[];
  /** True: batches have one value. Absent: they are as large as the stages allow. */
  readonly alone?: boolean;
  /** After this long no further documents are begun, ms; absent: all run. */
  readonly timeMs?: number;
  /** Sees what each stage but the last one passes on, while no clock runs. */
  readonly seeValue?: (stage: string, value: unknown) => void;
}

export interface StageRun {
  readonly costs: readonly StageCost[];
  /** Digests of the outcomes, in the order of the documents; fewer where the time was over. */
  readonly digests: readonly string[];
}

/** The values that a document has become, or how it failed. */
interface Progress {
  readonly document: Document;
  items: StageItem[];
  failed: 'failed' | 'timed-out' | null;
}

/** Sets the stages up, runs the documents through them, and tears the stages down. */
export async function runStages(
  workload: LoadedWorkload,
  { ref, documents, alone = false, timeMs = Number.POSITIVE_INFINITY, seeValue }: StageRunOptions,
): Promise<StageRun> {
  const stages = workload.stages ?? [];
  const meters = stages.map(() => new StageMeter());
  const digests: string[] = [];
  const opened: OpenStage[] = [];
  try {
    for (const stage of stages) opened.push(await openStage(stage, ref.options));
    const together = Math.max(...stages.map((stage) => (alone ? 1 : batchOf(stage).documents)));
    const untilMs = performance.now() + timeMs;
    for (let from = 0; from < documents.length && performance.now() < untilMs; from += together) {
      const group = documents.slice(from, from + together).map((document) => begun(document, ref));
      for (const [i, stage] of opened.entries()) {
        await runGroup(stage, { group, meter: meters[i] as StageMeter, alone });
        if (seeValue === undefined || i === opened.length - 1) continue;
        for (const { items } of group) for (const { value } of items) seeValue(stage.stage.name, value);
      }
      for (const progress of group) digests.push(digestOf(progress, { stages, workload }));
    }
  } finally {
    for (const stage of [...opened].reverse()) await stage.close();
  }
  return { costs: stages.map((stage, i) => (meters[i] as StageMeter).cost(stage, digests.length)), digests };
}

/** Counts what the calls of one stage take. */
class StageMeter {
  readonly #meter = new WaitingMeter();
  #values = 0;

  begin(): void {
    this.#meter.begin();
  }

  end(values: number): void {
    this.#meter.end();
    this.#values += values;
  }

  cost({ name, kind }: Stage, documents: number): StageCost {
    const { total } = this.#meter;
    // Time in which other processes had the cores is no cost of the stage.
    const ownMs = Math.max(0, total.wallMs - total.delayedMs);
    return {
      name,
      kind: kind ?? kindOf(waitingShare(total)),
      serviceMs: this.#values === 0 ? 0 : ownMs / this.#values,
      ratio: documents === 0 ? 1 : this.#values / documents,
    };
  }
}

function begun(document: Document, { options }: WorkloadRef): Progress {
  const signal = new AbortController().signal;
  const key = documentKey(measuredRunId, document.id);
  const context = { ...contextWithoutSession({ state: undefined, options, signal }), key };
  return { document, failed: null, items: [{ value: document, context, document: document.id, part: '' }] };
}

interface Group {
  readonly group: readonly Progress[];
  readonly meter: StageMeter;
  readonly alone: boolean;
}

/** Runs one stage on everything that has reached it, and lets each document have what became of it. */
async function runGroup(open: OpenStage, { group, meter, alone }: Group): Promise<void> {
  const waiting = group.flatMap((progress) => progress.items.map((item) => ({ progress, item })));
  for (const progress of group) progress.items = [];
  const size = alone ? 1 : batchOf(open.stage).documents;
  for (let from = 0; from < waiting.length; from += size) {
    const batch = waiting.slice(from, from + size);
    meter.begin();
    const results = await open.run(batch.map(({ item }) => item));
    meter.end(batch.length);
    for (const [i, { progress, item }] of batch.entries()) {
      const result = results[i];
      if (result === undefined || 'error' in result)
        progress.failed ??= result?.error instanceof StageTimeout ? 'timed-out' : 'failed';
      else
        progress.items.push(
          ...result.values.map((value, place) => ({
            ...item,
            value,
            part: partOf(open.stage, item.part, place),
          })),
        );
    }
  }
  for (const progress of group) if (progress.failed !== null) progress.items = [];
}

function digestOf(
  { document: { index, id }, items, failed }: Progress,
  { stages, workload }: { readonly stages: readonly Stage[]; readonly workload: LoadedWorkload },
): string {
  const known = { index, id, worker: null, queuedMs: null, taskMs: null };
  if (failed !== null)
    return outcomeDigest({ ...known, status: failed, error: { name: 'Error', message: '' } }, workload);
  const values = items.map(({ value }) => value);
  return outcomeDigest({ ...known, status: 'ok', value: givesArray(stages) ? values : values[0] }, workload);
}
