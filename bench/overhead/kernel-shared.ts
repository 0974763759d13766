import type { Views } from '../../workloads/workload.js';

/** The same task, which only reads its document and never keeps it. */
export { default, kind } from './kernel.js';
export const views: Views = 'shared';
