import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { decode } from '../../bench/tables/csv.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { alive, commandOf, descendants, isWorker, until } from '../processes.js';

const cli = fileURLToPath(new URL('../../bench/cli.js', import.meta.url));
const targets = ['runner', 'trial-host', 'worker'] as const;

/**
 * Runs a short plan, in which the runner, a trial host or a worker process is killed with SIGKILL at random
 * moments, `kills` times. The run is resumed until it ends. Afterwards there is exactly one row for every
 * planned trial, and no process and no temporary file is left.
 * @returns how often each was killed
 */
export async function killAndResume({
  kills,
  seed,
}: {
  kills: number;
  seed: number;
}): Promise<Record<(typeof targets)[number], number>> {
  const random = xoroshiro128plus(seed);
  const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
  const temporary = join(folder, 'tmp');
  mkdirSync(temporary);
  const out = join(folder, 'run');
  const rounds = 3;
  const plan = [
    '--profile',
    'smoke',
    '--workloads',
    'spin',
    '--documents',
    '4',
    '--strategies',
    'sequential,process-pool,queue',
    '--rounds',
    String(rounds),
  ];
  const trialsPerRound = 6; // sequential runs once, two others run at 1 and 2 workers; one has a twin
  const killed = { runner: 0, 'trial-host': 0, worker: 0 };
  const everSeen = new Set<number>();
  let done = 0;
  try {
    for (
      let begun = false;
      ;
      begun ||= readdirSync(folder).includes('run') && readdirSync(out).includes('environment.json')
    ) {
      const args = begun ? ['bench', '--resume', out] : ['bench', ...plan, '--out', out];
      const runner = spawn(process.execPath, [cli, ...args], {
        env: { ...process.env, TMPDIR: temporary },
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      let said = '';
      runner.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const ended = new Promise<number | null>((resolve) => runner.on('close', (code) => resolve(code)));
      let over = false;
      ended.then(() => {
        over = true;
      });
      while (!over && done < kills) {
        await new Promise((resolve) => setTimeout(resolve, uniformInt(random, 0, 400)));
        const tree = descendants(runner.pid as number);
        for (const pid of tree) everSeen.add(pid);
        const target = targets[uniformInt(random, 0, targets.length - 1)] as (typeof targets)[number];
        const victim =
          target === 'runner'
            ? (runner.pid as number)
            : tree.find(target === 'worker' ? isWorker : (pid) => commandOf(pid).includes('trial-host'));
        if (over || victim === undefined) continue;
        process.kill(victim, 'SIGKILL');
        killed[target]++;
        done++;
        if (target === 'runner') break;
      }
      const code = await ended;
      if (code !== null) {
        assert.ok(code === 0 || code === 4, `ended with exit code ${code}: ${said}`);
        break;
      }
    }
    const trials = decode(trialTable, readFileSync(join(out, 'trials.csv'), 'utf8'));
    const planned = Array.from({ length: rounds }, (_, r) =>
      Array.from({ length: trialsPerRound }, (_, o) => `${r + 1}.${o + 1}`),
    ).flat();
    assert.deepEqual(
      trials
        .filter(({ attempt }) => attempt === 1)
        .map(({ round, order }) => `${round}.${order}`)
        .sort(),
      planned.sort(),
    );
    await until(() => [...everSeen].every((pid) => !alive(pid)) && readdirSync(temporary).length === 0);
    return killed;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
