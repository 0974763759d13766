import { answerRequests } from '../trials/answer.js';
import type { LabRequest } from './lab.js';

/** This process runs the trial of one check, and knows none of them. */

interface TrialModule {
  trial(request: object): Promise<unknown>;
}

answerRequests(async ({ module, request }: LabRequest): Promise<unknown> => {
  const { trial } = (await import(module)) as TrialModule;
  return trial(request);
});
