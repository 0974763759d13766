import { type Check, fine, found, type Row } from '../finding.js';
import type { DocumentFact } from '../probe-host.js';
import { documents } from '../words.js';

const row: Row = {
  id: 'lost',
  level: 'error',
  when:
    'a result has an instance of a class, or a hidden property: it stays `ok`, but methods, getters and ' +
    'private fields do not reach the caller',
  remedy:
    'return plain data: write the values that callers need as ordinary properties, ' +
    'as in { euros: money.euros }',
};

export default {
  rows: [row],
  find({ main: { passes } }) {
    const ok = (passes[0] ?? []).filter(({ status }) => status === 'ok');
    const losing = ok.filter(hasLost);
    const [first] = losing;
    if (first === undefined)
      return ok.length === 0 ? [] : [fine('lost', 'results reach the caller with all their parts')];
    const said =
      `${first.lost} ("${first.id}", ${documents(losing.length)} of ${ok.length}): ` +
      'only its own plain properties leave a worker, without methods, getters and private fields';
    return [found(row, said)];
  },
} satisfies Check;

function hasLost(fact: DocumentFact): fact is DocumentFact & { readonly lost: string } {
  return fact.lost !== null;
}
