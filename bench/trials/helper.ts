import type { ChildProcess } from 'node:child_process';
import type { HelperProcesses } from './helper-processes.js';
import { type FromHelper, noticed } from './helper-protocol.js';

/** The helper process ended, or took too long, before it answered. */
export class HelperDied extends Error {
  override readonly name = 'HelperDied';
}

/** The end of what a process wrote to standard error, for error messages: its last 2,000 characters. */
const tail = 2_000;

export interface AskOptions<Notice> {
  /** After this long without an answer the process is ended. */
  readonly timeoutMs?: number;
  /** What the helper says on the way; it waits until this has resolved. */
  readonly onNotice?: (notice: Notice) => Promise<void>;
}

/** A process of ours that answers one request at a time over IPC: a trial host, an oracle, a service. */
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
   * @throws the error that the helper answered with, under its own name; HelperDied when no answer can come any more.
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
        else if (message?.kind === 'error') settle(() => reject(Object.assign(new Error(), message.error)));
        else if (message?.kind === 'notice')
          onNotice?.(message.notice).then(
            () => child.send(noticed, ignore),
            (cause) => settle(() => reject(cause)),
          );
        // Anything else a task in there has sent.
      };
      const onError = (cause: Error) => settle(() => reject(new HelperDied(cause.message, { cause })));
      // `close`, unlike `exit`, comes after the last of what the process wrote to standard error.
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
      child.send(request, ignore); // a channel that is closed is told by `close`
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Ends the process and everything it has started. */
  end(): void {
    this.#helpers.kill(this.#child);
  }
}

function ignore(): void {}
