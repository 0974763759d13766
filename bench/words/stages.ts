import type { Configuration } from '../../strategies/strategy.js';
import { UsageError, unknownName } from '../errors.js';
import { parseCount } from './parse.js';

/** Reads `--stages load=1,encode=2,write=1`: how many workers each stage gets. @throws UsageError */
export function parseStages(text: string): Configuration {
  const found: [name: string, workers: number][] = text.split(',').map((part) => {
    const [, name, count] = /^\s*([a-z][\w-]*)\s*=\s*(\S*)\s*$/i.exec(part) ?? [];
    if (name === undefined || count === undefined)
      throw new UsageError(`expected --stages like load=1,encode=2,write=1, got "${text}"`);
    return [name, parseCount(count, `the workers of stage "${name}" in --stages`)];
  });
  const twice = found.find(([name], i) => found.findIndex(([other]) => other === name) !== i);
  if (twice !== undefined)
    throw new UsageError(`expected each stage once in --stages, got "${twice[0]}" twice`);
  return Object.fromEntries(found);
}

/**
 * Compares the stages that a configuration names with those of the task.
 * @throws UsageError when a stage is missing or unknown
 */
export function checkStages(configuration: Configuration, stages: readonly string[]): void {
  const unknown = Object.keys(configuration).find((name) => !stages.includes(name));
  if (unknown !== undefined) throw unknownName('stage in --stages', unknown, stages);
  const missing = stages.filter((name) => !(name in configuration));
  if (missing.length > 0)
    throw new UsageError(
      `expected --stages to name every stage of the task, but "${missing.join('" and "')}" is missing; ` +
        `write ${stages.map((name) => `${name}=${configuration[name] ?? 1}`).join(',')}`,
    );
}
