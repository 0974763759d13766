import type { RetryRule } from '../../../services/retry.js';
import { now } from '../../worker/clock.js';
import { ServiceWaits, type WaitingTask } from '../../worker/served.js';
import type { Served, StageInput, StageReply } from './served.js';

export interface RetriedCalls extends WaitingTask<StageInput> {
  readonly call: Served['call'];
  readonly retry: RetryRule;
  /** Called when a call is made again, and while it waits for that. */
  readonly touch: () => void;
}

/**
 * Makes the calls of failed values again, as the rule says, each on its own. Only the stage that has failed
 * runs again: what the stages before have returned is still there.
 */
export function retriedCalls(calls: RetriedCalls): Served['call'] {
  return async (stage, inputs) => {
    if (stage === 0) for (const _ of inputs) calls.limits().begin();
    // A stage may change its value, and the next try begins with what the first one had.
    const values = inputs.map(({ value, by }) => (by === undefined ? structuredClone(value) : value));
    const replies: StageReply[] = [];
    for (const [i, first] of (await calls.call(stage, inputs)).entries()) {
      const input = { ...(inputs[i] as StageInput), value: values[i] };
      replies.push(first.reply.status === 'ok' ? first : await tryAgain(calls, { stage, input, first }));
    }
    return replies;
  };
}

interface Failed {
  readonly stage: number;
  readonly input: StageInput;
  readonly first: StageReply;
}

async function tryAgain(calls: RetriedCalls, { stage, input, first }: Failed): Promise<StageReply> {
  const waits = new ServiceWaits(calls, input, calls.touch);
  const { startedMs } = first.reply;
  let waitedMs = 0;
  let last = first;
  for (let tries = 1; ; tries++) {
    const { reply, bytes } = last;
    waitedMs += reply.served?.waitedMs ?? 0;
    if (reply.status === 'ok' || !(await waits.beforeTry(reply.error, tries, calls.retry))) {
      const served = { tries, waitedMs: waitedMs + waits.waitedMs };
      return { reply: { ...reply, startedMs, taskMs: now() - startedMs, served }, bytes };
    }
    calls.touch();
    // The value is needed again if this try fails, too.
    const [again] = await calls.call(stage, [{ ...input, value: structuredClone(input.value) }]);
    last = again as StageReply;
  }
}
