import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Strategy } from '../../strategies/strategy.js';
import { now } from '../../strategies/worker/clock.js';
import type { Document } from '../../workloads/workload.js';
import { answerRequests, notify } from '../trials/answer.js';
import { readCorpus, readTruth } from '../trials/corpus-file.js';
import { type Fresh, freshFor, warmUp } from '../trials/fresh.js';
import type { TrialRequest } from '../trials/trial-host.js';

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
  const documents = readCorpus(request.corpus).slice(0, request.documents);
  const fresh = freshFor(request.delivery, readTruth(request.corpus));
  const session = await strategy.open(request.workload, request);
  const server = createServer((_, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await warmUp(session, documents, { ...request, fresh });
    await notify<PingNotice>({ state: 'listening', port: (server.address() as AddressInfo).port });
    const startedMs = now();
    let done = 0;
    // Documents are sent until the time is up, however long one pass takes. The running ones are then
    // finished.
    await session.run(endlessly(documents, fresh, startedMs + request.timeMs), () => void done++);
    const wallMs = now() - startedMs;
    await notify<PingNotice>({ state: 'ended' });
    return { documents: done, wallMs };
  } finally {
    server.closeAllConnections();
    server.close();
    await session.close();
  }
});

function* endlessly(documents: readonly Document[], fresh: Fresh, untilMs: number): Generator<Document> {
  for (let index = 0; ; ) {
    for (const document of fresh(documents)) {
      if (now() > untilMs) return;
      yield { ...document, index: index++ };
    }
  }
}
