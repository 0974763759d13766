import { size } from '../../words/units.js';
import { type Check, found, type Row } from '../finding.js';
import { often } from '../words.js';

/** Moving a larger result costs more than processing most documents: about 10 ms between processes. */
const largeResult = 10_000_000;
/** Eight workers with as much need more than small machines and containers have. */
const largeMemory = 200_000_000;

const resultSize: Row = {
  id: 'result-size',
  level: 'warning',
  when: `a result takes ${size(largeResult)} or more`,
  remedy: 'every result is copied to the caller: return less, or write it to a file and return its path',
};
const memory: Row = {
  id: 'memory',
  level: 'warning',
  when: `the process grows by ${size(largeMemory)} or more during a single document`,
  remedy: 'every worker needs as much: process documents in pieces, or use fewer workers',
};
const stdout: Row = {
  id: 'stdout',
  level: 'warning',
  when: 'the task prints to standard output',
  remedy:
    'in a thread every line is a message to the main thread, and lines of several workers get mixed: ' +
    'return the text, or do not log here',
};

export default {
  rows: [resultSize, memory, stdout],
  find({ main: { passes, memoryBytes, prints } }) {
    const sizes = (passes.at(-1) ?? []).map(({ resultBytes }) => resultBytes ?? 0);
    const largest = sizes.reduce((max, bytes) => Math.max(max, bytes), 0);
    return [
      ...(largest < largeResult ? [] : [found(resultSize, `the largest result takes ${size(largest)}`)]),
      ...(memoryBytes < largeMemory
        ? []
        : [found(memory, `grew by ${size(memoryBytes)} during a single document`)]),
      ...(prints.times === 0
        ? []
        : [found(stdout, `prints to standard output: ${often(prints.times)}, ${size(prints.bytes)}`)]),
    ];
  },
} satisfies Check;
