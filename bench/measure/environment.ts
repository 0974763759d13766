import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { effectiveCores } from '../../strategies/processes/cores.js';
import type { Environment } from '../tables/environment.js';

/** The libraries that strategies, workloads and the timing loop use; their versions are recorded. */
const libraries = ['piscina', 'workerpool', 'p-map', 'marked', 'tinybench', 'pidusage'];

type Given = Pick<
  Environment,
  'schema' | 'run_id' | 'command' | 'seed' | 'profile' | 'claims' | 'flags' | 'plan' | 'corpora' | 'task'
>;

/** Reads the environment. Other programs run for about 0.1 s, so call it once per run, before any trial. */
export async function readEnvironment(
  given: Given,
  alsoLibraries: readonly string[] = [],
): Promise<Environment> {
  const { default: si } = await import('systeminformation');
  const [cpu, os, commit] = await Promise.all([si.cpu(), si.osInfo(), gitCommit()]);
  const { node, v8, uv } = process.versions;
  return {
    ...given,
    started_at: new Date().toISOString(),
    forkwise: versionOf(fileURLToPath(import.meta.url)) ?? 'unknown',
    commit,
    machine: {
      cpu_model: [cpu.manufacturer, cpu.brand].filter(Boolean).join(' ') || null,
      cpu_cores_physical: cpu.physicalCores || null,
      memory_bytes: totalmem(),
      memory_limit_bytes: memoryLimit(),
      os: [os.distro, os.release].filter(Boolean).join(' ') || null,
      kernel: os.kernel || null,
      arch: process.arch,
      virtual: cpu.flags ? / hypervisor( |$)/.test(` ${cpu.flags}`) : null,
    },
    cores: effectiveCores(),
    node: {
      version: node,
      v8,
      libuv: uv,
      exec_argv: process.execArgv,
      node_options: process.env.NODE_OPTIONS ?? null,
    },
    libraries: Object.fromEntries(
      [...libraries, ...alsoLibraries].flatMap((name) => {
        const version = versionOfLibrary(name);
        return version === null ? [] : [[name, version]];
      }),
    ),
  };
}

/** Null without a limit: Node then returns 2⁶⁴, or the host's memory under some cgroup hierarchies. */
function memoryLimit(): number | null {
  const limit = process.constrainedMemory?.() ?? 0;
  return limit > 0 && limit < totalmem() ? limit : null;
}

async function gitCommit(): Promise<Environment['commit']> {
  const git = async (...args: string[]) => (await promisify(execFile)('git', args)).stdout.trim();
  try {
    return { hash: await git('rev-parse', 'HEAD'), dirty: (await git('status', '--porcelain')) !== '' };
  } catch {
    return null; // git is not installed, or this folder is no checkout
  }
}

function versionOfLibrary(name: string): string | null {
  try {
    return versionOf(fileURLToPath(import.meta.resolve(name)));
  } catch {
    return null; // a peer's library is optional, and this one is not installed
  }
}

/** Reads the version from the nearest package.json above the file that has one. */
function versionOf(file: string): string | null {
  for (let folder = dirname(file); folder !== dirname(folder); folder = dirname(folder)) {
    try {
      const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        version?: string;
      };
      if (version !== undefined) return version;
    } catch {
      // this folder has no package.json: look further up
    }
  }
  return null;
}
