import type { Stage } from '../../../workloads/stages/stages.js';
import { planned } from './planned.js';

export const stages: readonly Stage[] = [planned('first', 0), planned('second', 1)];
