import type { Stage } from '../../../workloads/stages/stages.js';
import type { Document, Results } from '../../../workloads/workload.js';

/** Stages that pass on what they get: `hops.js?3` has three. The first one returns a copy of the document. */
const count = Number(new URL(import.meta.url).search.slice(1));

export const results: Results = 'move';

export const stages: readonly Stage[] = Array.from({ length: count }, (_, at) => ({
  name: `stage${at}`,
  run: (value: unknown) => (at === 0 ? new Uint8Array((value as Document).bytes) : value),
}));
