import type { TaskError } from '../../../strategies/strategy.js';

/** Ids of documents that `tasks/odd-task.ts` knows. Strategies and peers are tested with the same. */

/** The results of these are hard to clone, and structured clone takes them. */
export const harmless = [
  'size',
  'state',
  'undefined',
  'nan',
  'collections',
  'instance',
  'buffer',
  'bytes',
  'write',
  'error',
  'error-members',
  'cycle',
  'nested',
  'later',
];

/** These fail with an error whose name and message match. */
export const failing: Readonly<Record<string, RegExp>> = {
  throw: /^TypeError: bad input$/,
  'throw-undefined': /^NonError: undefined$/,
  reject: /^RangeError: came later$/,
  function: /^DataCloneError: .*result\.parse\.again is a function$/,
  symbol: /^DataCloneError: .*result\[0\] is a symbol$/,
  arguments: /^DataCloneError: .*result\.given is an arguments object$/,
  'too-deep': /^DataCloneError: .*it has more than 500 levels, as result\W.{10,60}…$/,
  promise: /^DataCloneError: .*result\.nested is a Promise$/,
  'host-url': /^DataCloneError: .*result\.items\[1\]\.link is a URL$/,
  'host-parameters': /^DataCloneError: .*result is a URLSearchParams$/,
  'host-headers': /^DataCloneError: .*result\.get\(headers\) is a Headers$/,
  'host-response': /^DataCloneError: .*result\[0\] is a Response$/,
  'host-blob': /^DataCloneError: .*result\[0\] is a Blob$/,
  'host-signal': /^DataCloneError: .*result\.signal is an AbortSignal$/,
  'host-port': /^DataCloneError: .*an entry of result is a MessagePort$/,
  'host-stream': /^DataCloneError: .*result is a ReadableStream$/,
  'host-socket': /^DataCloneError: .*result\.socket is a Socket$/,
  'shared-memory': /^DataCloneError: .*result\[0\] is a SharedArrayBuffer: return a copy$/,
  'shared-bytes': /^DataCloneError: .*result is a view of a SharedArrayBuffer: return a copy$/,
  'shared-view': /^DataCloneError: .*result\.pages\.get\(first\) is a view of a SharedArrayBuffer/,
  'detached-bytes': /^DataCloneError: .*result has no bytes any more: its ArrayBuffer was transferred/,
  'detached-buffer': /^DataCloneError: .*result\.page has no bytes any more/,
  'detached-view': /^DataCloneError: .*result\[1\] has no bytes any more/,
  'shrunk-view': /^DataCloneError: .*result has no bytes any more: .* or made smaller$/,
  'host-cause': /^DataCloneError: .*result\.cause\.page is a Request$/,
  'host-getter': /^RangeError: no total$/,
};

const noQuota: TaskError = {
  name: 'RangeError',
  message: 'no quota',
  code: 'E_QUOTA',
  cause: {
    name: 'TypeError',
    message: 'the service said no',
    cause: { name: 'NonError', message: 'a text' },
  },
  data: {
    status: 429,
    exitCode: 7,
    attempts: 'many',
    headers: new Map([['retry-after', [1, 2]]]),
    body: new Uint8Array([97, 98, 99]),
  },
};
const cyclic: Record<string, unknown> = {};
cyclic.self = cyclic;
/** These fail with an error like this, apart from its stack. */
export const rich: Readonly<Record<string, TaskError>> = {
  'rich-members': noQuota,
  'rich-aggregate': {
    name: 'AggregateError',
    message: 'broken pages',
    errors: Array.from({ length: 100 }, (_, i) => ({ name: 'Error', message: `page ${i}`, code: i })),
  },
  'rich-foreign': { name: 'SyntaxError', message: 'of another realm', data: { line: 4 } },
  'rich-lookalike': { name: 'ValidationError', message: 'no title', data: { fields: ['title'] } },
  'rich-plain': { name: 'NonError', message: '[object Object]', code: 404, data: { path: '/a' } },
  'rich-getter': { name: 'Error', message: 'with a getter', data: { cyclic, port: 80 } },
  'rich-loop': Array.from({ length: 6 }).reduce<TaskError>(
    (cause, _, i) => ({ name: 'Error', message: 'causes itself', ...(i > 0 && { cause }) }),
    { name: '', message: '' },
  ),
};
