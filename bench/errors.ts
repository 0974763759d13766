import { closest, distance } from 'fastest-levenshtein';

/** Every command ends with one of these exit codes. */
export const exitCode = {
  ok: 0,
  internal: 1,
  usage: 2,
  /** The task or the corpus cannot be used, or the machine is unfit. */
  invalid: 3,
  /** A strategy failed, digests differ, or results could not be written. */
  failed: 4,
  /** `compare` found that the second run is slower beyond doubt. */
  regression: 5,
  /** `compare --strict` could not decide whether it is slower. */
  inconclusive: 6,
  interrupted: 130,
} as const;

/** The user made a mistake. It is reported before anything is written. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The input cannot be used, for example because two runs cannot be compared. */
export class UnfitError extends Error {
  override readonly name = 'UnfitError';
}

/** The run could not finish, because its results cannot be written or a part of the suite did not start. */
export class RunError extends Error {
  override readonly name = 'RunError';
}

/** A list of more names than this would hide the one that was meant. */
const maxListed = 24;

/**
 * `unknown <what> "<name>" <where>; did you mean …? (expected one of …)`
 * @param where `in "run"`, for a name that is known elsewhere
 */
export function unknownName(what: string, name: string, known: readonly string[], where = ''): UsageError {
  const near = closest(name, known);
  const isNear = near !== undefined && distance(name, near) <= Math.max(2, name.length / 3);
  const hint = isNear ? `; did you mean "${near}"?` : '';
  const list = isNear && known.length > maxListed ? '' : ` (expected one of: ${known.join(', ')})`;
  return new UsageError(`unknown ${what} "${name}"${where === '' ? '' : ` ${where}`}${hint}${list}`);
}
