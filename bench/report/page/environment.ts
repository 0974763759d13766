import type { Environment } from '../../tables/environment.js';
import type { Findings } from '../../verdict/findings.js';
import { usableMemory } from '../../verdict/findings.js';
import { fromFiles } from '../../words/source.js';
import { megabytes, number } from '../../words/units.js';
import type { Html } from './html.js';
import { definitionTable } from './table.js';

/** The machine, the versions and the documents that a run was measured with. */
export function environmentSection({ environment }: Findings): Html {
  const { node, machine, libraries, corpora, seed, profile } = environment;
  return definitionTable([
    ['Node', `${node.version} (V8 ${node.v8}, libuv ${node.libuv})`],
    ['CPU', machine.cpu_model ?? 'unknown'],
    ['cores', coresText(environment)],
    ['memory', megabytes(usableMemory(environment))],
    ['system', [machine.os, machine.kernel, machine.arch].filter((part) => part !== null).join(', ')],
    ['forkwise', versionText(environment)],
    [
      'libraries',
      Object.entries(libraries)
        .map((entry) => entry.join(' '))
        .join(', '),
    ],
    ['profile', `${profile}, seed ${seed}`],
    ...corpora.map(({ workload, corpus, source, sha256 }): [string, string] => [
      `documents of ${workload}, ${corpus}`,
      `SHA-256 ${sha256.slice(0, 16)}…${source === 'files' ? `, ${fromFiles}` : ''}`,
    ]),
  ]);
}

function coresText({ cores }: Environment): string {
  const quota = cores.quota === null ? '' : `, quota ${number(cores.quota)}`;
  const found = `${cores.available} available, ${cores.host} of the host${quota}`;
  return `${number(cores.effective)} effective; ${found}`;
}

function versionText({ forkwise, commit }: Environment): string {
  if (commit === null) return forkwise;
  return `${forkwise}, commit ${commit.hash.slice(0, 7)}${commit.dirty ? ' and changes' : ''}`;
}
