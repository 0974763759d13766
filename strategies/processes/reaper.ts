import { type ChildProcess, spawn } from 'node:child_process';
import { ownGroup } from './group.js';

/**
 * Ends worker processes when this one has ended, however that happened: a busy worker never notices that its
 * channel has closed. A shell reads the ids of their process groups from a pipe and kills the groups when the
 * pipe closes without the word `done`. Windows has no reaper.
 *
 * The shell leads a group of its own, because a signal to our group must not end it before the workers.
 */
export class Reaper {
  readonly #shell = process.platform === 'win32' ? null : startShell();
  readonly #ended = new Promise<void>((resolve) => {
    if (this.#shell === null) return resolve();
    this.#shell.on('exit', () => resolve());
    this.#shell.on('error', () => resolve()); // no /bin/sh: an idle child still ends by itself
  });

  add(pid: number): void {
    this.#tell(`add ${pid}`);
  }

  /** Forgets a process that has ended, because another process may soon have its id. */
  remove(pid: number): void {
    this.#tell(`remove ${pid}`);
  }

  /** Removes this folder too, after the processes were killed. There is one at most. */
  removeFolder(path: string): void {
    this.#tell(`folder ${path}`);
  }

  async close(): Promise<void> {
    this.#shell?.ref();
    this.#shell?.stdin?.end('done\n');
    await this.#ended;
  }

  #tell(line: string): void {
    this.#shell?.stdin?.write(`${line}\n`);
  }
}

const script = `
trap '' HUP INT QUIT TERM
pids=' '
folder=
while read -r word pid; do
  case $word in
    add) pids="$pids$pid " ;;
    remove) pids="\${pids%% $pid *} \${pids#* $pid }" ;;
    folder) folder=$pid ;;
    done) exit 0 ;;
  esac
done
for pid in $pids; do kill -KILL "-$pid" 2>/dev/null || kill -KILL "$pid" 2>/dev/null; done
if [ -n "$folder" ]; then rm -rf -- "$folder"; fi
`;

function startShell(): ChildProcess {
  const shell = spawn('/bin/sh', ['-c', script, 'forkwise-queue-reaper'], {
    ...ownGroup,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  shell.stdin?.on('error', () => {}); // the shell itself was killed
  shell.unref();
  (shell.stdin as unknown as { unref(): void }).unref();
  return shell;
}
