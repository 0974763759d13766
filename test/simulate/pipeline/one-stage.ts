import type { Stage } from '../../../workloads/stages/stages.js';
import { planned } from './planned.js';

export const stages: readonly Stage[] = [planned('encode', 1)];
