import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { measuredRunId } from '../../services/task-services.js';
import type { Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import { answerRequests, notify } from '../trials/answer.js';
import { readTruth } from '../trials/corpus-file.js';
import { type Supplied, type Supply, supplyOf } from '../trials/supply.js';
import type { TrialRequest } from '../trials/trial-host.js';
import { warmUp } from '../trials/warm-up.js';

export type PingRequest = Omit<TrialRequest, 'round' | 'unique'>;

/**
 * This process runs a server, as the programs of users do, while a strategy processes documents without a
 * pause. It reports when the server can be asked and when the documents have ended.
 */
export type PingNotice = { readonly state: 'listening'; readonly port: number } | { readonly state: 'ended' };

export interface PingRecord {
  readonly documents: number;
  readonly wallMs: number;
}

answerRequests(async (request: PingRequest): Promise<PingRecord> => {
  const { default: strategy } = (await import(request.strategy)) as { default: Strategy };
  const supply = supplyOf(request.corpus, { ...request, truth: readTruth(request.corpus) });
  const session = await strategy.open(request.workload, { ...request, runId: measuredRunId });
  const server = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await warmUp(session, supply, request);
    await notify<PingNotice>({ state: 'listening', port: (server.address() as AddressInfo).port });
    const startedMs = now();
    let done = 0;
    // Documents are sent until the time is up, however long one pass takes. The running ones are then
    // finished.
    const documents = endlessly(supply, startedMs + request.timeMs);
    await supply.run(session, documents, { emit: () => void done++ });
    const wallMs = now() - startedMs;
    await notify<PingNotice>({ state: 'ended' });
    return { documents: done, wallMs };
  } finally {
    server.closeAllConnections();
    server.close();
    await session.close();
  }
});

function* endlessly(
  { documents, fresh }: Pick<Supply, 'documents' | 'fresh'>,
  untilMs: number,
): Generator<Supplied> {
  for (let index = 0; ; ) {
    for (const document of fresh(documents)) {
      if (now() > untilMs) return;
      yield { ...document, index: index++ };
    }
  }
}
