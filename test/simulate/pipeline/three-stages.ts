import type { Stage } from '../../../workloads/stages/stages.js';
import { planned } from './planned.js';

export const stages: readonly Stage[] = [planned('load', 0), planned('encode', 1), planned('write', 2)];
