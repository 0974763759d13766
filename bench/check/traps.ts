import { syncBuiltinESMExports } from 'node:module';

/**
 * Some calls work in a program of its own but not in a worker: threads refuse them, they affect all threads
 * at once, or they end the worker. They are watched on a main thread, where a task can be watched.
 */

export interface Trap {
  /** The call, such as `process.exit` or `process.on(signal)`. */
  readonly call: string;
  readonly times: number;
}

export interface Watch {
  readonly traps: readonly Trap[];
  /** Counts what was printed to standard output. */
  readonly prints: { readonly times: number; readonly bytes: number };
  end(): void;
}

/** These calls change the state of the whole process, so threads refuse them. */
const processWide = ['chdir', 'setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups'];
const listening = ['on', 'addListener', 'once', 'prependListener', 'prependOnceListener'];

type Method = (...args: unknown[]) => unknown;

/**
 * Watches until `end`. A call that would end the process throws instead, so that the other documents are
 * still tried.
 * @param ours returns true for a message to the parent that does not come from the task
 */
export function watchTraps(ours: (message: unknown) => boolean): Watch {
  const times = new Map<string, number>();
  const prints = { times: 0, bytes: 0 };
  const undo: (() => void)[] = [];
  const note = (call: string) => times.set(call, (times.get(call) ?? 0) + 1);
  const wrap = (object: object, name: string, around: (original: Method, args: unknown[]) => unknown) => {
    const methods = object as Record<string, Method | undefined>;
    const original = methods[name];
    if (original === undefined) return; // Windows has no users to change to
    const had = Object.getOwnPropertyDescriptor(object, name);
    methods[name] = function (this: unknown, ...args: unknown[]) {
      return around((...args) => original.apply(this, args), args);
    };
    undo.push(() => (had === undefined ? delete methods[name] : Object.defineProperty(object, name, had)));
  };
  for (const name of processWide) {
    wrap(process, name, (original, args) => {
      note(`process.${name}`);
      return original(...args);
    });
  }
  wrap(process, 'umask', (original, args) => {
    if (args.length > 0) note('process.umask');
    return original(...args);
  });
  for (const name of ['exit', 'abort']) {
    wrap(process, name, (_, args) => {
      note(`process.${name}`);
      throw new Error(`process.${name}(${args.join()}) was called`);
    });
  }
  wrap(process, 'disconnect', () => note('process.disconnect'));
  wrap(process, 'send', (original, args) => {
    if (ours(args[0])) return original(...args);
    note('process.send');
    return true;
  });
  for (const name of listening) {
    wrap(process, name, (original, args) => {
      if (/^SIG[A-Z]/.test(String(args[0]))) note('process.on(signal)');
      return original(...args);
    });
  }
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin');
  if (stdin?.get !== undefined && stdin.configurable) {
    const { get } = stdin;
    const noted = () => {
      note('process.stdin');
      return get.call(process);
    };
    Object.defineProperty(process, 'stdin', { ...stdin, get: noted });
    undo.push(() => Object.defineProperty(process, 'stdin', stdin));
  }
  wrap(process.stdout, 'write', (original, args) => {
    prints.times++;
    prints.bytes +=
      typeof args[0] === 'string' ? Buffer.byteLength(args[0]) : ((args[0] as Uint8Array).byteLength ?? 0);
    return original(...args);
  });
  syncBuiltinESMExports(); // so that modules that imported them by name see the change
  return {
    get traps() {
      return [...times].map(([call, times]) => ({ call, times }));
    },
    prints,
    end() {
      for (const step of undo.reverse()) step();
      syncBuiltinESMExports();
    },
  };
}
