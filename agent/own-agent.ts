import { hostname } from 'node:os';
import { findStrategy } from '../runner/open-strategy.js';
import { connectBullmq } from '../strategies/broker/bullmq.js';
import { innerStrategy, type OwnAgentStart } from '../strategies/broker/protocol.js';
import { endWithParent } from '../strategies/processes/end-with-parent.js';
import { now } from '../strategies/worker/clock.js';
import { CannotJoin, Member } from './member.js';
import { copiesViews, creditFor, openSession } from './session.js';

/**
 * An agent that a session has started itself is a process of this module: see `OwnAgentStart`. It works for
 * that run alone. It ends when the run is over, and when its parent has ended: the channel then closes.
 */

/** After its parent has ended, the agent has this long to report what is done, ms. */
const reportMs = 1000;

let member: Member | null = null;

process.removeAllListeners('warning'); // the parent prints them
process.on('SIGINT', () => {}); // the parent decides when it ends
process.once('message', async (start: OwnAgentStart) => {
  member = await join(start);
  await member?.left;
  process.exit();
});
endWithParent(() => {
  setTimeout(() => process.exit(), reportMs);
  void Promise.resolve(member?.end()).then(() => process.exit());
});

/** Returns null when the agent cannot join, of which it has told the caller. */
async function join({ url, run, agent, workers }: OwnAgentStart): Promise<Member | null> {
  const engine = await connectBullmq({ url, side: 'agent', run });
  const card = (await engine.runs()).find(({ card }) => card.run === run)?.card;
  if (card === undefined || !('url' in card.task.code))
    throw new Error(`expected the run ${run}, and it is over`);
  const { name, options, code } = card.task;
  const { strategy } = await findStrategy(innerStrategy, { workers });
  const choice = { strategy, workers };
  const { pid } = process;
  const credit = creditFor(workers);
  const hello = { agent, host: hostname(), pid, workers, credit, strategy: strategy.name };
  const task = { name, url: code.url, options };
  return Member.join({
    engine,
    card,
    hello,
    open: (channel) => openSession(choice, card, { task, channel }),
    copyViews: copiesViews(choice, card),
    counts: { outcomes: { ok: 0, failed: 0, 'timed-out': 0, crashed: 0 }, redelivered: 0, heardMs: now() },
  }).catch((cause: unknown) => {
    if (cause instanceof CannotJoin) return null;
    throw cause;
  });
}
