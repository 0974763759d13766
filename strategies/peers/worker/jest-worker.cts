import type { Document, WorkloadRef } from '../../../workloads/workload.js' with {
  'resolution-mode': 'import',
};
import type { Request, Serve } from '../../library-pool/worker/serve.js' with { 'resolution-mode': 'import' };

/** jest-worker loads this by `require()`: CommonJS for the reason that `thread-pool-file.cts` gives. */
let call: Serve;

/** jest-worker calls this before the first call, and waits for it. */
exports.setup = async (ref: WorkloadRef): Promise<void> => {
  const { serve } = await import('../../library-pool/worker/serve.js');
  call = await serve(ref);
};

exports.serve = (request: Request | Document): ReturnType<Serve> => call(request);
