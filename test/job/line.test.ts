import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lineOf, readLine } from '../../bench/job/line.js';
import type { Outcome, TaskError } from '../../strategies/strategy.js';

const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
const error: TaskError = {
  name: 'RangeError',
  message: 'no quota',
  code: 'E_QUOTA',
  cause: { name: 'Error', message: 'the service said no', data: { cyclic, port: 80 } },
  errors: [{ name: 'Error', message: 'page 1' }],
  data: { status: 429, at: new Date(0), bytes: new Uint8Array([1, 2]) },
};

function failed(error: TaskError): Outcome {
  return { index: 0, id: 'a', worker: 'w', queuedMs: 0, taskMs: 1, status: 'failed', error };
}

describe('the line of a document that failed', () => {
  it('has the code, the causes, the errors and the data of the error', () => {
    const { line } = lineOf('a', failed({ ...error, cause: { name: 'Error', message: 'b' } }), null);
    assert.deepEqual(JSON.parse(line), {
      id: 'a',
      status: 'failed',
      error: {
        name: 'RangeError',
        message: 'no quota',
        code: 'E_QUOTA',
        cause: { name: 'Error', message: 'b' },
        errors: [{ name: 'Error', message: 'page 1' }],
        data: { status: 429, at: '1970-01-01T00:00:00.000Z', bytes: 'AQI=' },
      },
      source: null,
    });
  });

  it('leaves out what JSON cannot express, and nothing else', () => {
    const { line } = lineOf('a', failed(error), null);
    const { cause, data } = JSON.parse(line).error;
    assert.deepEqual([cause.data, data.status], [{ port: 80 }, 429]);
  });

  it('is remembered without what may be large', () => {
    const small = { name: 'RangeError', message: 'no quota', code: 'E_QUOTA' };
    const { line, notOk } = lineOf('a', failed(error), null);
    assert.deepEqual(notOk, { id: 'a', status: 'failed', error: small });
    const read = readLine(line.slice(0, -1), { path: 'out', number: 1 });
    assert.deepEqual(read, { ...notOk, source: null });
  });
});
