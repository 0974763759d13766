import type { ServiceModule } from '../../workloads/services/service.js';
import { answerRequests } from './answer.js';

/** Runs one service in its own process, so that no measurement includes the CPU time of the service. */
export interface ServiceRequest {
  readonly url: string;
  readonly options: Readonly<Record<string, unknown>>;
}

answerRequests(async ({ url, options }: ServiceRequest): Promise<string> => {
  const service = (await import(url)) as ServiceModule;
  return (await service.start(options)).address;
});
