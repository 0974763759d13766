import broker from '../../../strategies/broker/broker.js';
import { fixture } from '../../support.js';
import { times } from './fleet.js';

/** A caller that its parent kills. It reports the index of each outcome. */
interface Start {
  readonly url: string;
  readonly file: string;
  readonly documents: number;
  /** These documents have their outcome from an earlier caller. */
  readonly done: ReadonlySet<number>;
}

process.on('disconnect', () => process.exit());
process.once('message', async ({ url, file, documents, done }: Start) => {
  const task = fixture('machines-task', { file, waitMs: 5 });
  const there = { url, agents: 'there', run: 'killed-and-continued', ...times } as const;
  const session = await broker.open(task, { workers: 2, delivery: 'message', broker: there });
  function* source() {
    let index = 0;
    for (let i = 0; i < documents; i++)
      if (!done.has(i)) yield { index: index++, id: String(i), size: 1, bytes: new Uint8Array(1) };
  }
  await session.run(
    source(),
    ({ id }) => new Promise<void>((resolve) => process.send?.(Number(id), () => resolve())),
  );
  await session.close();
  process.disconnect();
});
