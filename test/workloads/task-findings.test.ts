import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, it } from 'node:test';
import { addFinding, inFlightError, keepFindings, knownFindings } from '../../workloads/task-findings.js';

const cache = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
const { XDG_CACHE_HOME: earlier } = process.env;
before(() => {
  process.env.XDG_CACHE_HOME = cache;
});
after(() => {
  if (earlier === undefined) delete process.env.XDG_CACHE_HOME;
  else process.env.XDG_CACHE_HOME = earlier;
  rmSync(cache, { recursive: true, force: true });
});

const grows = { id: 'grows', level: 'warning', said: 'memory grows' } as const;
const mixes = { id: 'in-flight', level: 'error', said: 'results change', remedy: 'use workers' } as const;
const fine = { id: 'in-flight', level: 'ok', said: 'the same results' } as const;
const ids = (sha256: string) => knownFindings(sha256).map(({ id, level }) => `${level} ${id}`);

it('findings are kept by the hash of the task, and the next check replaces them', () => {
  assert.deepEqual(knownFindings('a'), []);
  keepFindings('a', [grows, mixes]);
  assert.deepEqual(knownFindings('a'), [grows, mixes]);
  assert.deepEqual(knownFindings('b'), []);
  keepFindings('a', [fine]);
  assert.deepEqual(ids('a'), ['ok in-flight']);
});

it('a test in flight is kept beside other findings, until the next one', () => {
  keepFindings('c', [grows]);
  addFinding('c', mixes);
  assert.deepEqual(ids('c'), ['warning grows', 'error in-flight']);
  assert.deepEqual(inFlightError(knownFindings('c')), mixes);
  keepFindings('c', []);
  assert.deepEqual(ids('c'), ['error in-flight'], 'a check that could not try it changes nothing');
  addFinding('c', fine);
  assert.deepEqual(ids('c'), ['ok in-flight']);
  assert.equal(inFlightError(knownFindings('c')), undefined);
});

it('a file that is damaged counts as none', () => {
  keepFindings('d', [grows]);
  const [file = ''] = readdirSync(join(cache, 'forkwise', 'tasks')).filter((name) => name.startsWith('d.'));
  const path = join(cache, 'forkwise', 'tasks', file);
  for (const text of ['', '{', '3', '[{"id":4},null,"a"]']) {
    writeFileSync(path, text);
    assert.deepEqual(knownFindings('d'), [], text);
  }
});
