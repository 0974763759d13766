import { type ChildProcess, fork, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * The processes and the temporary folder that a run must not leave behind, however it ends:
 * - ended in order: `end()`;
 * - `process.exit` or an uncaught error: the `exit` handler;
 * - SIGKILL: a reaper, a shell that reads the process groups to end from a pipe and acts when the pipe closes without
 *   the word `done`. (A child that is busy never sees that its IPC channel has closed.) There is none on Windows.
 *
 * Each process leads a group of its own, so that its children end with it and a terminal's Ctrl-C reaches the runner alone.
 */
export class HelperProcesses {
  readonly folder = mkdtempSync(join(tmpdir(), 'forkwise-'));
  readonly #processes = new Set<ChildProcess>();
  readonly #reaper = process.platform === 'win32' ? null : startReaper(this.folder);
  readonly #onExit = () => this.end();

  constructor() {
    process.on('exit', this.#onExit);
  }

  /** Forks a module of ours as the leader of a new process group. Its standard error is piped, its output discarded. */
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

  /** Ends the process and everything it has started. */
  kill(child: ChildProcess): void {
    if (!this.#processes.delete(child) || child.pid === undefined) return;
    try {
      process.kill(process.platform === 'win32' ? child.pid : -child.pid, 'SIGKILL');
    } catch {
      // ESRCH: the whole group has ended by itself.
    }
    this.#tell(`remove ${child.pid}`);
  }

  /** Ends everything. The object is of no use afterwards. */
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

/** `$groups` is a list of process group ids; `$1` the folder to remove. */
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
  reaper.stdin?.on('error', () => {}); // the reaper itself was killed; the other two ways remain
  reaper.on('error', () => {}); // no /bin/sh, likewise
  reaper.unref();
  (reaper.stdin as unknown as { unref(): void }).unref();
  return reaper;
}
