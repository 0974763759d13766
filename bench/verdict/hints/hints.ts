import type { HintRow } from '../../tables/situation-columns.js';
import type { HintData, Rule } from './hint.js';
import { machineHints } from './machine.js';
import { planHints } from './plan.js';
import { trialHints } from './trials.js';

/**
 * Collects what a reader of the figures must know, what would improve them, and which common beliefs they
 * contradict. Warnings come first. A healthy run has few hints.
 */
export function hints(data: HintData): HintRow[] {
  const rules: readonly Rule[] = [...trialHints, ...planHints, ...machineHints];
  const found = rules.flatMap((rule) => rule(data));
  return [
    ...found.filter(({ level }) => level === 'warning'),
    ...found.filter(({ level }) => level === 'note'),
  ];
}
