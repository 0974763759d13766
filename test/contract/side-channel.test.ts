import { strategies as entries } from '../../strategies/index.js';
import { openable } from '../support.js';
import { describeSideChannel } from './promises/side-channel.js';

for (const strategy of await openable(entries)) describeSideChannel(strategy);
