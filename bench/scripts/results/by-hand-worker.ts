import { parentPort, workerData } from 'node:worker_threads';
import type { Document } from '../../../workloads/workload.js';
import largeResult from './large-result.js';

/** The worker of the loop by hand: it answers each document with its result, which it transfers. */
parentPort?.on('message', (document: Document) => {
  const value = largeResult(document, { options: workerData });
  parentPort?.postMessage({ index: document.index, value }, [value.buffer as ArrayBuffer]);
});
