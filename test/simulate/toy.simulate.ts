import { describeCancelling } from '../contract/cancelling.js';
import { describeDeaths } from '../contract/conformance.js';
import { describeSideChannel } from '../contract/side-channel.js';
import { describeStacks } from '../contract/stacks.js';
import { openable } from '../support.js';

/**
 * `npm run test:toy`: the strategy of `test/fixtures/toy-strategy.ts`, which is in no list, keeps the
 * contract where its workers end, ask and are cancelled. `toy-strategy.test.ts` tests its results.
 */
for (const toy of await openable([{ url: new URL('../fixtures/toy-strategy.js', import.meta.url).href }])) {
  describeDeaths(toy);
  describeSideChannel(toy);
  describeStacks(toy);
  describeCancelling(toy);
}
