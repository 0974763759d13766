import type { Recommendation } from '../../index.js';
import { effectiveCores } from '../../strategies/processes/cores.js';

/** A recommendation that holds here and for small documents. `task` is the path of its module. */
export function recommendation({
  task = './task.mjs',
  ...change
}: Partial<Omit<Recommendation, 'task' | 'schema'>> & { task?: string } = {}): Recommendation {
  return {
    schema: 1,
    forkwise: '0.1.0',
    task: { name: 'task', file: task, export: 'default', sha256: 'b'.repeat(64) },
    strategy: 'sequential',
    workers: 1,
    delivery: 'none',
    timeoutMs: null,
    heapMb: null,
    memoryMb: null,
    expected: { documentsPerSecond: 100, low: 90, high: 110, startupMs: 50, endMs: 2, memoryBytes: null },
    validWhen: {
      nodeMajor: Number(process.versions.node.split('.')[0]),
      platform: process.platform,
      arch: process.arch,
      cores: effectiveCores().effective,
      documentBytes: { p5: 10, p95: 100 },
      corpusSha256: 'a'.repeat(64),
      corpusDocuments: 100,
    },
    verdict: 'clear',
    ...change,
  };
}
