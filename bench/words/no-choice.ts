import type { StrategyTraits } from '../../strategies/strategy.js';
import type { NoChoice } from '../pick/decide.js';
import { namer } from './configuration.js';

/** Explains why nothing can be recommended: one line per configuration. */
export function noChoiceText(
  { disqualified, untested }: NoChoice,
  strategies: readonly StrategyTraits[],
): string {
  const name = namer(strategies, [...disqualified.map(({ cell }) => cell), ...untested]);
  if (disqualified.length + untested.length === 0)
    return (
      'No configuration was measured before the command ended. ' +
      'If you did not stop it, use a longer --time-budget.\n'
    );
  return [
    'No measured configuration keeps the constraints:',
    ...disqualified.map(({ cell, reason }) => `  ${name(cell)}: ${reason}`),
    ...untested.map((cell) => `  ${name(cell)}: its loop delay was not measured`),
    ...(untested.length > 0 ? ['Only `forkwise pick --loop-delay` measures loop delays.'] : []),
    '',
  ]
    .join('\n')
    .replaceAll('`', '');
}
