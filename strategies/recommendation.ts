import type { Delivery } from './strategy.js';

/** `recommendation.json`: what was measured to be best, for whom, and where that holds. */
export interface Recommendation {
  readonly schema: 1;
  readonly forkwise: string;
  readonly task: { readonly name: string; readonly file: string; readonly export: string; readonly sha256: string };
  readonly strategy: string;
  readonly workers: number;
  readonly delivery: Delivery;
  readonly timeoutMs: number | null;
  readonly heapMb: number | null;
  readonly memoryMb: number | null;
  readonly expected: {
    readonly documentsPerSecond: number;
    readonly low: number;
    readonly high: number;
    readonly startupMs: number;
    readonly memoryBytes: number | null;
  };
  readonly validWhen: {
    readonly nodeMajor: number;
    readonly platform: string;
    readonly arch: string;
    readonly cores: number;
    readonly documentBytes: { readonly p5: number; readonly p95: number };
    readonly corpusSha256: string;
    readonly corpusDocuments: number;
  };
  readonly [more: string]: unknown;
}
