import type { Command } from 'commander';
import { jobCommands, topFlags } from './check-job-file.js';
import { type Flag, flagsOf } from './flags.js';
import { jobKeys, schemasOf } from './job-keys.js';

type Schema = Readonly<Record<string, unknown>>;

/** The JSON schema of a job file, from which editors complete and check it. */
export function jobFileSchema(commands: readonly Command[]): Schema {
  const sections = jobCommands(commands).map((command) => [
    command.name(),
    {
      description: `Options of \`forkwise ${command.name()}\`; they come before those at the top.`,
      ...objectOf(propertiesOf(flagsOf(command))),
    },
  ]);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'forkwise job file',
    ...objectOf({
      $schema: { type: 'string' },
      ...propertiesOf([...topFlags(commands).values()]),
      ...schemasOf(jobKeys, commands.find((command) => command.name() === 'run') as Command),
      ...Object.fromEntries(sections),
    }),
  };
}

function objectOf(properties: Schema): Schema {
  return { type: 'object', additionalProperties: false, properties };
}

function propertiesOf(flags: readonly Flag[]): Schema {
  return Object.fromEntries(
    flags.map(({ key, about, kind, default: value }) => [
      key,
      { description: about, ...kind.schema, ...(value !== undefined && { default: value }) },
    ]),
  );
}
