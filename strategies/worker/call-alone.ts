import type { Context, Document, Workload } from '../../workloads/workload.js';

/**
 * Calls a task so that the engine compiles it by itself. Else it puts a task that runs often into the code
 * around the call, and the loops of the task share the processor's registers with that code. Where results
 * are kept there is much of it: a loop of 2 ms then took 6 % longer.
 *
 * The engine does so for a call that has always called the same function. This one has called others.
 */
export function callAlone(
  workload: Pick<Workload, 'default'>,
  document: Document,
  context: Context,
): unknown {
  return workload.default(document, context);
}

const others = [{ default: () => 1 }, { default: () => 2 }, { default: () => 3 }];
const nothing = {} as Document & Context;
// The engine begins to note what a function calls after about 80 calls of it.
for (let call = 0; call < 100; call++) for (const other of others) callAlone(other, nothing, nothing);
