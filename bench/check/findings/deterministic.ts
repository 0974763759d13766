import { type Check, fine, found, notTried, type Row } from '../finding.js';
import { documents, names, someOk } from '../words.js';

const differs: Row = {
  id: 'deterministic',
  level: 'error',
  when: 'two passes give different results',
  remedy:
    'strategies are compared by their results: leave out times, random numbers and counters, ' +
    'or export a digest(result) that does',
};
const hides: Row = {
  id: 'deterministic',
  level: 'note',
  when: 'results differ from pass to pass, and `digest` says that it does not matter',
  remedy: 'nothing, if `digest` is right',
};

export default {
  rows: [differs, hides],
  find({ main: { passes } }) {
    const [first = [], second = []] = passes;
    const differ = (key: 'digest' | 'result') =>
      first.filter((fact, i) => fact.status === 'ok' && fact[key] !== second[i]?.[key]);
    const status = first.filter((fact, i) => fact.status !== second[i]?.status);
    const digests = differ('digest').filter(({ digest }) => digest !== null);
    const differing = [...new Set([...status, ...digests])];
    if (differing.length > 0) {
      const count = `${differing.length} of ${documents(first.length)}`;
      return [found(differs, `two passes gave different results for ${count}: ${names(differing)}`)];
    }
    if (!someOk(first)) return [notTried('deterministic')];
    const hidden = differ('result').length;
    if (hidden === 0) return [fine('deterministic', 'two passes gave the same results')];
    const where = `results differ from pass to pass on ${documents(hidden)}`;
    const said = `${where}, and digest says that it does not matter`;
    return [found(hides, said)];
  },
} satisfies Check;
