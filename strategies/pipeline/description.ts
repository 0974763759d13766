import { batchOf, type Stage } from '../../workloads/stages/stages.js';
import type { StageDescription } from './protocol.js';

/** Returns the stages as plain data; null for a task without stages. */
export function descriptionsOf(stages: readonly Stage[] | null): readonly StageDescription[] | null {
  return stages === null
    ? null
    : stages.map((stage) => ({
        name: stage.name,
        isolation: stage.isolation ?? 'thread',
        batch: stage.batch === undefined ? null : batchOf(stage),
        timeoutMs: stage.timeoutMs ?? null,
        flatMap: stage.flatMap === true,
      }));
}

/** A task without stages is one stage of this name. */
export const wholeTask: StageDescription = {
  name: 'task',
  isolation: 'thread',
  batch: null,
  timeoutMs: null,
  flatMap: false,
};
