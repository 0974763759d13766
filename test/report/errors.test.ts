import assert from 'node:assert/strict';
import { it } from 'node:test';
import { errorInWords } from '../../bench/words/errors.js';

it('an error in words has its code, its errors and its causes, each once', () => {
  const said = [
    errorInWords({ message: 'no quota' }),
    errorInWords({ message: 'no quota', code: 'E_QUOTA', cause: { name: 'Error', message: '429', code: 7 } }),
    errorInWords({ message: 'ENOENT: no such file', code: 'ENOENT' }),
    errorInWords({
      message: 'broken pages',
      errors: [1, 2, 3].map((page) => ({ name: 'Error', message: `page ${page}` })),
    }),
    errorInWords({ message: 'ended with exit code 1: torn', cause: { name: 'Error', message: 'torn' } }),
  ];
  assert.deepEqual(said, [
    'no quota',
    'no quota (E_QUOTA); cause: 429 (7)',
    'ENOENT: no such file',
    'broken pages; page 1 and 2 more',
    'ended with exit code 1: torn',
  ]);
});
