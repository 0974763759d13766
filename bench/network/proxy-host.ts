import { answerRequests } from '../trials/answer.js';
import { type NetworkProxy, startProxy } from './proxy.js';

/** Runs a proxy in a process of its own, which is no part of what is measured. Answers with its URL. */
export interface ProxyRequest {
  readonly listen: string;
  readonly target: string;
  readonly rttMs: number;
}

let proxy: NetworkProxy | null = null;

answerRequests(async ({ listen, target, rttMs }: ProxyRequest): Promise<string> => {
  proxy = await startProxy({ listen, target: { path: target }, rttMs });
  return proxy.url;
});
