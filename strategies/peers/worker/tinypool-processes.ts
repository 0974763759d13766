import { serve } from '../../library-pool/worker/serve.js';
import type { PeerTask } from '../peer-task.js';

// tinypool has no option for a process group, so that Ctrl-C in a terminal reaches its workers, too. The
// parent decides when they end.
process.on('SIGINT', () => {});

/** tinypool calls this in its child processes. It passes them no `workerData`. */
export default await serve(JSON.parse(process.argv[2] as string) as PeerTask);
