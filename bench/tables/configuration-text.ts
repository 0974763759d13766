import type { Configuration } from '../../strategies/strategy.js';

/** Writes a configuration as the column `configuration` has it: `load=1,encode=2,write=1`. */
export function configurationText(configuration: Configuration): string {
  return Object.entries(configuration)
    .map(([axis, value]) => `${axis}=${value}`)
    .join(',');
}

/** Reads what `configurationText` has written. */
export function readConfigurationText(text: string): Configuration {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [axis = '', value] = part.split('=');
      return [axis, Number(value)];
    }),
  );
}
