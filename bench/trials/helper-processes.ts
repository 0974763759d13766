import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { newFolderName } from '../../strategies/processes/folder-name.js';
import { inTemporary } from '../../workloads/temporary.js';

/**
 * The processes and the temporary folder that a run must not leave behind, however it ends:
 * - The run ends in order: `end()` removes them.
 * - `process.exit` or an uncaught error: the `exit` handler removes them.
 * - SIGKILL: a reaper removes them. It is a shell that reads process groups from a pipe, and kills them if
 *   the pipe closes without the word `done`. (A busy child never sees that its IPC channel has closed.) There
 *   is no reaper on Windows.
 *
 * Each process leads its own process group, so its children end with it, and Ctrl-C in a terminal reaches
 * only the runner.
 */
export class HelperProcesses {
  readonly folder = newFolderName(tmpdir(), 'forkwise-');
  readonly #processes = new Set<ChildProcess>();
  readonly #reaper = process.platform === 'win32' ? null : startReaper(this.folder);
  readonly #onExit = () => this.end();

  constructor() {
    inTemporary(() => mkdirSync(this.folder, 0o700)); // the reaper knows it already
    process.on('exit', this.#onExit);
  }

  /**
   * Forks one of our modules as the leader of a new process group. Its stderr is piped, its stdout discarded.
   */
  fork(module: URL): ChildProcess {
    const child = fork(module, [], {
      detached: process.platform !== 'win32',
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#processes.add(child);
    this.#tell(`add ${child.pid}`);
    return child;
  }

  /** Kills the process and every process that it has started. */
  kill(child: ChildProcess): void {
    if (!this.#processes.delete(child) || child.pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
    } catch {
      // ESRCH means that the whole group has already ended by itself.
    }
    this.#tell(`remove ${child.pid}`);
  }

  /** Kills all processes and removes the folder. The object cannot be used afterwards. */
  end(): void {
    process.off('exit', this.#onExit);
    for (const child of this.#processes) this.kill(child);
    rmSync(this.folder, { recursive: true, force: true });
    this.#tell('done');
    this.#reaper?.stdin?.end();
  }

  #tell(line: string): void {
    this.#reaper?.stdin?.write(`${line}\n`);
  }
}

/** `$groups` is a list of process group ids, and `$1` is the folder to remove. */
const reaperScript = `
groups=' '
while read -r word group; do
  case $word in
    add) groups="$groups$group " ;;
    remove) groups=$(printf '%s' "$groups" | sed "s/ $group / /") ;;
    done) exit 0 ;;
  esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
rm -rf -- "$1"
`;

function startReaper(folder: string): ChildProcess {
  const reaper = spawn('/bin/sh', ['-c', reaperScript, 'forkwise-reaper', folder], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  reaper.stdin?.on('error', () => {}); // the reaper itself was killed: the other two ways still work
  reaper.on('error', () => {}); // there is no /bin/sh: the other two ways still work
  reaper.unref();
  (reaper.stdin as unknown as { unref(): void }).unref();
  return reaper;
}
