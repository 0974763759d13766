import { serve } from '../../library-pool/worker/serve.js';
import type { PeerTask } from '../peer-task.js';

/** tinypool calls this on its worker threads. Our `workerData` comes second, after tinypool's own. */
export default await serve(process.__tinypool_state__.workerData as PeerTask);
