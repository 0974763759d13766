import { charts } from '../../../plots/index.js';
import { strategies } from '../../../strategies/index.js';
import { peers } from '../../../strategies/peers/index.js';
import type { StrategyEntry } from '../../../strategies/strategy.js';
import { workloads } from '../../../workloads/index.js';
import { loadWorkload } from '../../../workloads/load-workload.js';
import { exitCode } from '../../errors.js';
import { loadStrategies } from '../../trials/prepare.js';
import { profiles } from '../../trials/profiles.js';
import { colorsFor } from '../terminal.js';

/** `forkwise list`: what there is to choose from. @returns the exit code. */
export async function list(flags: { json?: true }): Promise<number> {
  const kinds = await Promise.all(workloads.map(({ name, url }) => loadWorkload({ name, url, options: {} })));
  const described = async (entries: readonly StrategyEntry[]) =>
    (await loadStrategies(entries.map(({ url }) => url))).map(
      ({ strategy: { name, isolation, deliveries, about, perWorker = false } }) => ({
        name,
        isolation,
        deliveries,
        perWorker,
        about,
      }),
    );
  const lists = {
    workloads: workloads.map(({ name, about }, i) => ({ name, kind: kinds[i]?.kind, about })),
    strategies: await described(strategies),
    peers: await described(peers),
    profiles: profiles.map(({ name, rounds, claims, about }) => ({ name, rounds, claims, about })),
    charts: charts.map(({ name, question }) => ({ name, about: question })),
  };
  process.stdout.write(flags.json ? `${JSON.stringify(lists, null, 2)}\n` : text(lists));
  return exitCode.ok;
}

interface Entry {
  readonly name: string;
  readonly about: string;
  readonly kind?: string | undefined;
  readonly perWorker?: boolean;
}

function text(lists: Record<string, Entry[]>): string {
  const colors = colorsFor(process.stdout);
  const width = Math.max(
    ...Object.values(lists)
      .flat()
      .map(({ name }) => name.length),
  );
  return Object.entries(lists)
    .map(([title, entries]) => {
      const lines = entries.map(({ name, about, kind, perWorker }) => {
        const note = perWorker === true ? '--per-worker' : kind;
        return `  ${name.padEnd(width)}  ${about}${note === undefined ? '' : colors.dim(` (${note})`)}`;
      });
      return `${colors.bold(title)}\n${lines.join('\n')}\n`;
    })
    .join('\n');
}
