import { workerData } from 'node:worker_threads';
import workerpool from 'workerpool';
import { serve } from '../../library-pool/worker/serve.js';
import type { PeerTask } from '../peer-task.js';

workerpool.worker({ serve: await serve(workerData as PeerTask) });
