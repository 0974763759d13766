import { describeCancelling } from '../contract/promises/cancelling.js';
import { describeDeaths } from '../contract/promises/deaths.js';
import { describeSideChannel } from '../contract/promises/side-channel.js';
import { describeStacks } from '../contract/promises/stacks.js';
import { openable } from '../support.js';

/**
 * `npm run test:toy`: the strategy of `test/fixtures/strategies/toy-strategy.ts`, which is in no list, keeps
 * the contract where its workers end, ask and are cancelled. `toy-strategy.test.ts` tests its results.
 */
for (const toy of await openable([
  { url: new URL('../fixtures/strategies/toy-strategy.js', import.meta.url).href },
])) {
  describeDeaths(toy);
  describeSideChannel(toy);
  describeStacks(toy);
  describeCancelling(toy);
}
