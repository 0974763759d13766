import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { asRecorded } from '../../bench/trials/resume.js';
import { onlyCompute, type StageCost, splitsOf, stagesRecord } from '../../bench/trials/splits.js';
import { checkStages, parseStages } from '../../bench/words/stages.js';

const waiting = (name: string, serviceMs: number, ratio = 1): StageCost => ({
  name,
  kind: 'io',
  serviceMs,
  ratio,
});
const computing = (name: string, serviceMs: number): StageCost => ({
  name,
  kind: 'cpu',
  serviceMs,
  ratio: 1,
});
const cores = 2;

describe('workers are split over stages', () => {
  it('so that the slowest is as fast as it can be, each split once', () => {
    const stages = [waiting('load', 10), waiting('encode', 40), waiting('write', 20)];
    assert.deepEqual(splitsOf(stages, [1, 2, 7], { fixed: null, cores }), [
      { workers: 3, configuration: { load: 1, encode: 1, write: 1 } },
      { workers: 7, configuration: { load: 1, encode: 4, write: 2 } },
    ]);
  });

  it('by how many values reach a stage', () => {
    const [split] = splitsOf([waiting('split', 10), waiting('send', 10, 3)], [4], { fixed: null, cores });
    assert.deepEqual(split?.configuration, { split: 1, send: 3 });
  });

  it('and stages that compute get no more than there are cores', () => {
    const stages = [waiting('load', 1), computing('encode', 100)];
    assert.deepEqual(splitsOf(stages, [8], { fixed: null, cores })[0]?.configuration, { load: 6, encode: 2 });
    assert.deepEqual(splitsOf([computing('a', 5), computing('b', 5)], [2, 16], { fixed: null, cores }), [
      { workers: 2, configuration: { a: 1, b: 1 } },
      { workers: 4, configuration: { a: 2, b: 2 } },
    ]);
    assert.ok(onlyCompute([computing('a', 5)]) && !onlyCompute(stages));
  });

  it('as the user says, in the order of the stages', () => {
    const stages = [waiting('load', 10), waiting('write', 10)];
    const fixed = parseStages('write=3, load=2');
    assert.deepEqual(splitsOf(stages, [1, 8], { fixed, cores }), [
      { workers: 5, configuration: { load: 2, write: 3 } },
    ]);
  });
});

describe('--stages is refused', () => {
  const refused: [text: string, message: RegExp][] = [
    ['load', /expected --stages like load=1,encode=2,write=1, got "load"/],
    ['load=', /expected the workers of stage "load" in --stages to be a whole number from 1 on, got ""/],
    ['load=0', /stage "load".*from 1 on, got "0"/],
    ['load=1.5', /stage "load".*got "1.5"/],
    ['load=1,load=2', /expected each stage once in --stages, got "load" twice/],
    ['load=1,,write=1', /got "load=1,,write=1"/],
  ];
  for (const [text, message] of refused)
    it(text, () => assert.throws(() => parseStages(text), { name: 'UsageError', message }));

  it('with a stage that the task does not have, or without one that it has', () => {
    assert.throws(() => checkStages({ load: 1, encdoe: 1 }, ['load', 'encode']), {
      message: /unknown stage in --stages "encdoe"; did you mean "encode"\?/,
    });
    assert.throws(() => checkStages({ load: 4 }, ['load', 'encode']), {
      message: /"encode" is missing; write load=4,encode=1/,
    });
    checkStages({ load: 1, encode: 1 }, ['load', 'encode']);
  });
});

it('a run that is continued keeps the costs that it was planned with', () => {
  const planned = [waiting('load', 10), waiting('write', 20, 3)];
  const corpus = { name: 'docs', stages: [waiting('load', 11), waiting('write', 2, 3)] };
  const workload = { ref: { name: 'chain' }, corpora: [corpus] };
  const record = { workload: 'chain', corpus: 'docs', ...stagesRecord(planned) };
  const again = (records: readonly object[]) =>
    asRecorded([workload as never], { corpora: records as never })[0]?.corpora[0]?.stages;
  assert.deepEqual(again([JSON.parse(JSON.stringify(record))]), planned);
  assert.deepEqual(again([{ ...record, corpus: 'mixed' }]), corpus.stages);
  assert.deepEqual(stagesRecord(undefined), {});
  const warmup = (record: object) =>
    asRecorded([{ ...workload, corpora: [{ ...corpus, neededWarmupMs: 700 }] } as never], {
      corpora: [{ workload: 'chain', corpus: 'docs', ...record }] as never,
    })[0]?.corpora[0]?.neededWarmupMs;
  assert.equal(warmup({ warmup: { needed_ms: 900, given_ms: 800 } }), 900);
  assert.equal(warmup({}), undefined, 'the run was planned with the usual one');
});
