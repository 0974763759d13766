import { type Command, Option } from 'commander';

/** Commands that tell what is here: the machine, the choices, the settings. */

/** `forkwise doctor` */
export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .description('is this machine fit to measure on, and does the suite give the known answers?')
    .option('--json', 'as JSON')
    .action(async (flags) => {
      const { doctor } = await import('../commands/doctor.js');
      process.exitCode = await doctor(flags);
    });
}

/** `forkwise list` */
export function addList(program: Command): void {
  program
    .command('list')
    .description('list what there is to choose from: workloads, strategies, peers, profiles, charts')
    .addOption(new Option('--json', 'as JSON'))
    .action(async (flags) => {
      const { list } = await import('../commands/list.js');
      process.exitCode = await list(flags);
    });
}

/** `forkwise config` */
export function addConfig(program: Command): void {
  program
    .command('config')
    .description('print what a command would do here: each option, its value and where the value comes from')
    .addHelpText(
      'before',
      `Examples:
  forkwise config                               # what the job file and the environment set
  forkwise config --job nightly.yaml            # those of another job file, with its groups
  forkwise config run                           # every option of \`run\`
  forkwise config pick --time-budget 30s --json # with options on the command line

It checks the kind of each value, not whether the command can use them together.
`,
    )
    .argument('[command]', 'bench, pick, run, check or size (default: all of them, without defaults)')
    .argument('[options...]', 'options of that command')
    .option('--json', 'as JSON')
    .allowUnknownOption()
    .action(async (_name, _options, _flags, command: Command) => {
      const { config } = await import('../commands/config.js');
      process.exitCode = await config(program, command.args);
    });
}
