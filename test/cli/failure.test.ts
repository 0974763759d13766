import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failureOf } from '../../bench/cli/failure.js';
import { UsageError } from '../../bench/errors.js';

describe('the failure of a command', () => {
  it('is a message and its exit code where a person can act on it', () => {
    assert.deepEqual(failureOf(new UsageError('expected --docs')), { code: 2, text: 'expected --docs' });
    const named = Object.assign(new Error('no such export'), { name: 'WorkloadError' });
    assert.deepEqual(failureOf(named), { code: 3, text: 'no such export' });
  });

  it('is a stack for a bug of ours', () => {
    const { code, text } = failureOf(new TypeError('no such method'));
    assert.equal(code, 1);
    assert.match(text, /^TypeError: no such method\n\s+at .*failure\.test/);
  });

  it('is a message for whatever else was thrown', () => {
    for (const thrown of [
      null,
      undefined,
      'text',
      7,
      { name: 'toString', message: 'no error' },
      Object.create(null),
    ]) {
      const { code, text } = failureOf(thrown);
      assert.equal(code, 1);
      assert.notEqual(text, '');
    }
    assert.equal(failureOf(null).text, 'NonError: null');
    assert.equal(
      failureOf(Object.assign(new Error('odd'), { name: 'constructor', stack: undefined })).code,
      1,
    );
  });
});
