import { minDocuments } from './early-stopping.js';
import { type KneeFit, kneeOf, type Probe } from './knee.js';

export interface SearchOptions {
  /** Share of the documents that must keep the limit, such as 0.99. */
  readonly quantile: number;
  /** The closed-loop rate of the configuration, documents per second. */
  readonly capacity: number;
  /** Number of documents that a probe of this rate has. */
  readonly documentsAt: (rate: number) => number;
  /** Measures one rate under one schedule; the seed says which. */
  readonly probe: (rate: number, seed: number, schedule: ProbeSchedule) => Promise<Probe>;
}

/** The estimate comes from typical schedules. A confirmation needs schedules that were not chosen: any. */
export type ProbeSchedule = 'typical' | 'any';

/** The highest rate at which a limit on latency is kept. */
export interface Found extends KneeFit {
  /** The rate that three fresh schedules confirmed, below the knee; null: they did not. */
  readonly confirmed: number | null;
  /** The lowest rate that broke the limit, in a probe or when it was to be confirmed; null: none did. */
  readonly broken: number | null;
  readonly probes: readonly Probe[];
}

/** Probes before the confirmation. */
const searching = 8;
/** Schedules that confirm. */
const confirming = 3;
/** A search has at most this many probes. */
export const maxProbes = searching + confirming;
/** The first rate, as a share of the capacity: near the knee of most strategies. */
const firstShare = 0.7;
/** Rates grow and shrink by these factors until the limit was both kept and broken. */
const [grow, shrink] = [1.25, 1.4];
const confidence = 0.99;
/**
 * Shares of the knee at which a confirmation is tried, the highest that has a good chance. At the knee itself
 * one document in a hundred misses the limit, and no number of documents shows that it is not a few more.
 */
const confirmedShares = [0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];
/** A chance is good where misses may exceed their mean by this many standard deviations. */
const goodChance = 1.5;
/**
 * Variance ÷ mean of the misses of schedules that were not chosen, at least: 4.5 to 7.2 between 0.8 of the
 * knee and the knee of a simulated M/D/1. Typical schedules scatter less.
 */
const minDispersion = 6;
/**
 * Probes that confirm count this much in the fit. They scatter more than typical schedules where service
 * times are equal, and as much where they are not.
 */
const confirmingWeight = 1 / 3;

/**
 * Searches for the knee with a new schedule for every probe: first by steps until the limit was kept once and
 * broken once, then at the knee of a fit to all probes so far. In a simulated M/D/1 with a capacity of 191
 * documents per second and probes of 13.5 s, all of 500 searches came within 5 % of the analytic knee
 * (standard deviation 1.0 %, mean −0.2 %). Without typical schedules 86 % did (3.4 %). Typical schedules
 * gained nothing in M/M/1 and M/M/2, where long documents cause the misses: the standard deviation was 5 to
 * 6 %.
 */
export async function searchRate(options: SearchOptions): Promise<Found> {
  const { quantile, capacity, probe } = options;
  const probes: Probe[] = [];
  let seed = 0;
  const measure = async (rate: number, schedule: ProbeSchedule) => {
    const found = await probe(rate, ++seed, schedule);
    probes.push(found);
    return found;
  };
  const allowed = 1 - quantile;
  let rate = firstShare * capacity;
  let [kept, broken] = [false, null as number | null];
  for (let i = 0; i < searching; i++) {
    const { documents, misses } = await measure(rate, 'typical');
    if (misses <= documents * allowed) kept = true;
    else broken = Math.min(broken ?? rate, rate);
    if (kept && broken === null && rate >= capacity) break; // it keeps the limit as fast as it can work
    if (!kept) rate /= shrink;
    else if (broken === null) rate = Math.min(capacity, rate * grow);
    else rate = Math.min(capacity, kneeOf(probes, allowed).knee);
  }
  const below = broken === null ? Math.min(capacity, rate) : confirmable(kneeOf(probes, allowed), options);
  const searched = probes.length;
  let [documents, misses] = [0, 0];
  for (let i = 0; i < confirming && kept; i++) {
    const found = await measure(below, 'any');
    documents += found.documents;
    misses += found.misses;
  }
  if (misses > documents * allowed) broken = Math.min(broken ?? below, below);
  const confirms = kept && documents >= minDocuments({ misses, quantile, confidence });
  const weighed = probes.map((one, i) => (i < searched ? one : weigh(one, confirmingWeight)));
  return { ...kneeOf(weighed, allowed), confirmed: confirms ? below : null, broken, probes };
}

function weigh({ rate, documents, misses }: Probe, weight: number): Probe {
  return { rate, documents: documents * weight, misses: misses * weight };
}

/** The highest rate below the knee whose documents are probably enough to confirm it. */
function confirmable({ knee, power, dispersion }: KneeFit, { quantile, documentsAt }: SearchOptions): number {
  const isLikely = (share: number) => {
    const documents = confirming * documentsAt(share * knee);
    const expected = documents * (1 - quantile) * share ** power;
    const misses = Math.ceil(
      expected + goodChance * Math.sqrt(Math.max(minDispersion, dispersion) * expected),
    );
    return documents >= minDocuments({ misses, quantile, confidence });
  };
  return knee * (confirmedShares.find(isLikely) ?? (confirmedShares.at(-1) as number));
}
