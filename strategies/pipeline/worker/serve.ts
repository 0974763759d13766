import { ReplyColumns } from '../../batch-queue/replies.js';
import { thisWorker } from '../../worker/worker-id.js';
import type { Board } from '../board.js';
import type { RunMessage, RunReplies } from '../protocol.js';
import type { Served, StageInput } from './served.js';

/** An answer, and the buffers in it that are moved with it. */
export interface Answered {
  readonly replies: RunReplies;
  readonly moved: readonly ArrayBuffer[];
}

/** Makes the calls of one request, one after the other. */
export async function serve(served: Served, message: RunMessage, board: Board | null): Promise<Answered> {
  const inputs = message.ids.map(
    (id, i): StageInput => ({
      index: message.indexes[i] as number,
      id,
      part: message.parts?.[i] ?? '',
      value: message.values[i],
      by: message.by?.[i],
    }),
  );
  const columns = new ReplyColumns(inputs.length);
  const bytes = new Float64Array(inputs.length);
  const moved: ArrayBuffer[] = [];
  const calls = message.isBatch ? [inputs] : inputs.map((input) => [input]);
  let at = 0;
  board?.beginRequest();
  for (const call of calls) {
    const found = served.call(message.stage, call);
    const replies = found instanceof Promise ? await found : found;
    board?.endCall();
    for (const one of replies) {
      bytes[at++] = one.bytes;
      columns.add(one.reply);
      if (one.reply.moved !== undefined)
        for (const buffer of one.reply.moved) if (!moved.includes(buffer)) moved.push(buffer);
    }
  }
  const replies: RunReplies = {
    kind: 'replies',
    worker: thisWorker(),
    bytes,
    ...columns.replies,
  };
  return { replies, moved };
}
