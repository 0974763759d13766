import { type Check, fine, found, notTried, type Row } from '../finding.js';
import { someOk } from '../words.js';

const throws: Row = {
  id: 'digest',
  level: 'error',
  when: 'the task’s own `digest` throws on a result',
  remedy: "it is given results as they come from a worker: plain objects, without their class's methods",
};
const unstable: Row = {
  id: 'digest',
  level: 'error',
  when: '`digest` gives two texts for one result',
  remedy: 'it must depend on the result alone, and must not change it',
};

export default {
  rows: [throws, unstable],
  find({ tried }) {
    const done = tried.flatMap((one) => (one.state === 'done' ? [one] : []));
    if (!done.some(({ probe }) => probe.hasDigest)) return [];
    const failed = done.find(({ probe }) => probe.digestFailure !== null);
    if (failed !== undefined)
      return [
        found(throws, `digest threw on a result of ${failed.place.name}: ${failed.probe.digestFailure}`),
      ];
    if (done.some(({ probe }) => probe.digestUnstable))
      return [found(unstable, 'digest gave two texts for one result')];
    if (!done.some(({ probe }) => probe.passes.some(someOk))) return [notTried('digest')];
    return [fine('digest', 'digest gives one text for one result')];
  },
} satisfies Check;
