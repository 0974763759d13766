import type { ChildProcess } from 'node:child_process';
import { errorOf } from '../../strategies/session/task-error.js';
import type { HelperProcesses } from './helper-processes.js';
import { type FromHelper, noticed } from './helper-protocol.js';

/** The helper process ended before it answered, or it took too long. */
export class HelperDied extends Error {
  override readonly name = 'HelperDied';
}

/** Error messages quote this many characters from the end of the process's standard error. */
const tail = 2_000;

export interface AskOptions<Notice> {
  /** The process is killed if it has not answered after this long; absent: practically no limit. */
  readonly timeoutMs?: number;
  /** Called with each notice before the answer. The helper process waits until the promise resolves. */
  readonly onNotice?: (notice: Notice) => Promise<void>;
}

/** A helper process that answers one request at a time over IPC: a trial host, an oracle or a service. */
export class Helper {
  readonly #helpers: HelperProcesses;
  readonly #child: ChildProcess;
  #errors = '';

  constructor(helpers: HelperProcesses, module: URL) {
    this.#helpers = helpers;
    this.#child = helpers.fork(module);
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errors = (this.#errors + text).slice(-tail);
    });
  }

  /**
   * Sends a request and waits for its answer.
   * @throws the error that the helper process answered with, under its own name; HelperDied if no answer can
   * come any more.
   */
  ask<T, Notice = never>(request: object, { timeoutMs, onNotice }: AskOptions<Notice> = {}): Promise<T> {
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void) => {
        clearTimeout(timer);
        child.off('message', onMessage).off('close', onClose).off('error', onError);
        act();
      };
      const onMessage = (message: FromHelper<T, Notice> | null) => {
        if (message?.kind === 'answer') settle(() => resolve(message.value));
        else if (message?.kind === 'error') settle(() => reject(errorOf(message.error)));
        else if (message?.kind === 'notice')
          onNotice?.(message.notice).then(
            () => child.send(noticed, ignore),
            (cause) => settle(() => reject(cause)),
          );
        // Any other message was sent by a task inside the process, and is ignored.
      };
      const onError = (cause: Error) => settle(() => reject(new HelperDied(cause.message, { cause })));
      // `close`, unlike `exit`, is emitted after all that the process wrote to standard error has arrived.
      const onClose = (code: number | null, signal: string | null) => {
        const said = this.#errors.trim();
        settle(() =>
          reject(
            new HelperDied(`the process ended with ${signal ?? `exit code ${code}`}${said && `: ${said}`}`),
          ),
        );
      };
      const timer = setTimeout(
        () => {
          this.end();
          settle(() => reject(new HelperDied(`no answer within ${timeoutMs} ms; the process was ended`)));
        },
        timeoutMs ?? 2 ** 31 - 1,
      );
      child.on('message', onMessage).on('close', onClose).on('error', onError);
      child.send(request, ignore); // if the channel is closed, `close` reports it
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Kills the process and every process that it has started. */
  end(): void {
    this.#helpers.kill(this.#child);
  }
}

function ignore(): void {}
