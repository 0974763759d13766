import type { ServiceModule } from '../../workloads/services/service.js';
import { answerRequests } from './answer.js';

/** Runs one service in a process of its own, so that its CPU time is nobody's measurement. */
export interface ServiceRequest {
  readonly url: string;
  readonly options: Readonly<Record<string, unknown>>;
}

answerRequests(async ({ url, options }: ServiceRequest): Promise<string> => {
  const service = (await import(url)) as ServiceModule;
  return (await service.start(options)).address;
});
