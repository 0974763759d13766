import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { addConfig, addDoctor, addList } from './command-line/around.js';
import { addBench, addOverhead } from './command-line/bench.js';
import { addPick, addRecommend } from './command-line/pick.js';
import { addCompare, addReport } from './command-line/results.js';
import { addAgent, addRun } from './command-line/run.js';
import { addCheck, addSize } from './command-line/task.js';

const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

// Each command imports its modules when it is called: a short job does not wait for those of the others.
export const program = new Command('forkwise')
  .description(
    'Which concurrency strategy should your documents run on? forkwise measures them all on this machine.',
  )
  .version(version)
  .exitOverride()
  .showHelpAfterError('(forkwise <command> --help lists the options)')
  .addHelpText(
    'after',
    '\nExit codes: 0 ok · 1 internal error · 2 usage · 3 task or documents invalid, machine unfit · ' +
      '4 a strategy failed,\nresults differ or cannot be written · 5 regression · ' +
      '6 inconclusive under --strict · 130 interrupted',
  );

// The help lists them in this order.
addBench(program);
addPick(program);
addRecommend(program);
addCheck(program);
addReport(program);
addCompare(program);
addDoctor(program);
addOverhead(program);
addRun(program, version);
addAgent(program);
addList(program);
addSize(program);
addConfig(program);
