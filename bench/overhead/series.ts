import { type Delivery, deliveriesOfBytes, type Origin } from '../../strategies/strategy.js';
import type { LoadedStrategy } from '../trials/plan.js';

/** One way in which a strategy hands documents to its workers. */
export interface Dispatch {
  readonly delivery: Delivery;
  readonly inFlight: number | null;
}

/**
 * The caller gives a document's bytes; or the path of its file, which a worker reads; or a reference, for
 * which the task's `resolve` returns bytes that the worker has already.
 */
export type Given = 'bytes' | 'path' | 'resolve';

/** The session itself, `runner.process`, or `runner.process` with outcomes in batches. */
export type Through = 'session' | 'runner' | 'batches';

/** Series are of three kinds, and a run measures the kinds that it is asked for. */
export const lines = ['sessions', 'references', 'runner'] as const;
export type Line = (typeof lines)[number];

/**
 * A line of the charts: a strategy, what its caller gives and calls, whether the task owns its documents'
 * bytes or reads them in shared memory, and whether the caller keeps its documents or gives them away.
 */
export interface Series {
  readonly name: string;
  readonly line: Line;
  readonly loaded: LoadedStrategy;
  readonly given: Given;
  readonly through: Through;
  readonly shared: boolean;
  readonly transferred: boolean;
  readonly role: 'ours' | 'pool' | 'other';
  /** The ways that compete to be its best. */
  readonly dispatches: readonly [Dispatch, ...Dispatch[]];
}

/**
 * A strategy built on a library is measured as that library's pool; bare ones are what people write without
 * a pool.
 */
const roles: Readonly<Record<Origin, Series['role']>> = { ours: 'ours', library: 'pool', bare: 'other' };
/** Deliveries with which a task can read its document in place. */
const inPlace: readonly Delivery[] = ['shared', 'path'];

export function seriesOf(strategies: readonly LoadedStrategy[]): Series[] {
  return strategies.flatMap((loaded) => {
    // A limit of the machine hands nothing over while its clock runs.
    if (loaded.strategy.limit === true) return [];
    return [...sessions(loaded), ...references(loaded), ...runners(loaded)];
  });
}

function sessions(loaded: LoadedStrategy): Series[] {
  return [
    ...series(loaded, { suffix: '', line: 'sessions' }, (delivery) => delivery !== 'transfer'),
    ...series(loaded, { suffix: ' (shared view)', line: 'sessions', shared: true }, isInPlace),
    ...series(
      loaded,
      { suffix: ' (transferred)', line: 'sessions', transferred: true },
      (delivery) => delivery === 'transfer',
    ),
  ];
}

/**
 * Strategies that have delivery `reference` let the worker read. The others are driven as people do it: the
 * document is the path, and the task reads the file.
 */
function references(loaded: LoadedStrategy): Series[] {
  const { deliveries, isolation } = loaded.strategy;
  const byPath = { suffix: ' (by path)', line: 'references', given: 'path' } as const;
  if (deliveries.includes('reference'))
    return [
      ...series(loaded, byPath, isReference),
      ...series(loaded, { suffix: ' (by resolve)', line: 'references', given: 'resolve' }, isReference),
    ];
  if (isolation === 'none') return [];
  return series(loaded, byPath, (delivery) => delivery !== 'transfer');
}

/** `createRunner` is measured over the strategies in which the session costs least: the ones in place. */
function runners(loaded: LoadedStrategy): Series[] {
  const { origin, deliveries } = loaded.strategy;
  if (origin !== 'ours' || !deliveries.some(isInPlace)) return [];
  const runner = { line: 'runner', through: 'runner' } as const;
  const batches = { line: 'runner', through: 'batches' } as const;
  const ofBytes = (delivery: Delivery) => delivery !== 'reference' && delivery !== 'transfer';
  return [
    ...series(loaded, { ...runner, suffix: ' (runner)' }, ofBytes),
    ...series(loaded, { ...runner, suffix: ' (runner, shared view)', shared: true }, isInPlace),
    ...series(loaded, { ...batches, suffix: ' (batches)' }, ofBytes),
    ...series(loaded, { ...batches, suffix: ' (batches, shared view)', shared: true }, isInPlace),
    ...series(loaded, { ...batches, suffix: ' (batches, by path)', given: 'path' }, isReference),
    ...series(loaded, { ...batches, suffix: ' (batches, by resolve)', given: 'resolve' }, isReference),
  ];
}

type Choice = Pick<Series, 'line'> &
  Partial<Pick<Series, 'given' | 'through' | 'shared' | 'transferred'>> & { readonly suffix: string };

/** @returns one series, or none where no delivery fits */
function series(
  loaded: LoadedStrategy,
  { suffix, ...choice }: Choice,
  fits: (delivery: Delivery) => boolean,
): Series[] {
  const { name, origin, inFlight, deliveries } = loaded.strategy;
  const candidates = choice.given === undefined ? deliveriesOfBytes(loaded.strategy) : deliveries;
  // The runner leaves the number in flight to the strategy.
  const places = choice.through === undefined ? (inFlight ?? [null]) : [null];
  const [first, ...others] = candidates
    .filter(fits)
    .flatMap((delivery) => places.map((inFlight): Dispatch => ({ delivery, inFlight })));
  if (first === undefined) return [];
  const usual = { given: 'bytes', through: 'session', shared: false, transferred: false } as const;
  return [
    {
      ...usual,
      ...choice,
      name: `${name}${suffix}`,
      loaded,
      role: roles[origin],
      dispatches: [first, ...others],
    },
  ];
}

function isInPlace(delivery: Delivery): boolean {
  return inPlace.includes(delivery);
}

function isReference(delivery: Delivery): boolean {
  return delivery === 'reference';
}
