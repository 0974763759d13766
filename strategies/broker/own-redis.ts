import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { newFolderName } from '../processes/folder-name.js';
import { killGroup, ownGroup } from '../processes/group.js';
import { Reaper } from '../processes/reaper.js';
import type { Member } from '../strategy.js';

/** `startRedis` takes these options. */
export interface OwnRedisOptions {
  /** Redis refuses writes above this size of its data, MB of 2²⁰ bytes. Absent: it has no limit. */
  readonly maxMemoryMb?: number;
  /** The server has its socket and its files in this folder, which remains. Absent: one that is removed. */
  readonly folder?: string;
  /**
   * Redis appends every write to a file, so that a later server in the same folder begins with what the file
   * has. Absent: nothing is kept.
   */
  readonly append?: true;
}

/** A Redis server that this process started, and that only the same user can reach. */
export interface OwnRedis {
  /** Clients connect to this path of a socket, which ioredis takes in place of a URL. */
  readonly url: string;
  readonly pid: number;
  /** Resolves when the server has ended, whatever ended it. */
  readonly ended: Promise<void>;
  /** Asks the server for its CPU time. Context switches are known on Linux, and 0 elsewhere. */
  usage(): Promise<Member>;
  /** Kills the server and removes its folder. */
  close(): Promise<void>;
}

/**
 * Starts a Redis server on a socket in a folder that is closed to other users. It evicts nothing, and saves
 * nothing unless that is asked for. The server ends with this process, however that ends: the reaper kills it
 * and removes its folder. Its configuration is sent to its standard input, so no process list shows it.
 * @throws Error when `redis-server` is not installed, or does not start
 */
export async function startRedis(options: OwnRedisOptions = {}): Promise<OwnRedis> {
  const isOwnFolder = options.folder === undefined;
  const folder = options.folder ?? newFolderName(shortTemporaryFolder(), 'forkwise-redis-');
  const socket = join(folder, 'redis.sock');
  const logFile = join(folder, 'redis.log');
  const reaper = new Reaper();
  if (isOwnFolder) {
    reaper.removeFolder(folder);
    mkdirSync(folder, 0o700);
  }
  const server = startServer(logFile);
  let problem: Error | null = null;
  const ended = new Promise<void>((resolve) => {
    server.on('exit', (code, signal) => {
      problem ??= new Error(`redis-server ended with ${signal ?? `exit code ${code}`}: ${lastLine(logFile)}`);
      resolve();
    });
    server.on('error', (cause: NodeJS.ErrnoException) => {
      problem = cause.code === 'ENOENT' ? new Error(notInstalled, { cause }) : cause;
      resolve();
    });
  });
  const { pid } = server;
  if (pid !== undefined) reaper.add(pid);
  const close = async () => {
    server.ref();
    if (pid !== undefined && server.exitCode === null && server.signalCode === null) killGroup(pid);
    await ended;
    await reaper.close();
    if (isOwnFolder) rmSync(folder, { recursive: true, force: true });
  };
  server.stdin?.on('error', () => {}); // the server has ended, and `ended` says why
  server.stdin?.end(configuration(folder, socket, options));
  const deadline = performance.now() + startMs;
  while (problem === null && !(await answersPing(socket))) {
    if (performance.now() > deadline)
      problem ??= new Error(`redis-server does not answer after ${startMs / 1000} s: ${lastLine(logFile)}`);
    await Promise.race([sleep(5), ended]);
  }
  if (problem !== null || pid === undefined) {
    await close();
    throw problem;
  }
  server.unref();
  return { url: socket, pid, ended, usage: () => usageOf(socket, pid), close };
}

/** Redis may need this long, ms, until it answers: it reads its append-only file first. */
const startMs = 10_000;

const notInstalled =
  'a broker of our own needs redis-server, which is not installed: apt-get install redis-server (Debian, ' +
  'Ubuntu) or brew install redis (macOS); or name a broker that is running';

/** The path of a socket has at most 103 bytes on macOS and 107 on Linux. */
function shortTemporaryFolder(): string {
  return Buffer.byteLength(tmpdir()) <= 64 ? tmpdir() : '/tmp';
}

function startServer(logFile: string): ChildProcess {
  const log = openSync(logFile, 'w', 0o600);
  try {
    return spawn('redis-server', ['-'], { ...ownGroup, stdio: ['pipe', log, log] });
  } finally {
    closeSync(log);
  }
}

function configuration(folder: string, socket: string, { append, maxMemoryMb }: OwnRedisOptions): string {
  return [
    'port 0',
    `unixsocket ${quoted(socket)}`,
    'unixsocketperm 700',
    `dir ${quoted(folder)}`,
    'loglevel warning',
    'save ""',
    `appendonly ${append === true ? 'yes' : 'no'}`,
    'maxmemory-policy noeviction',
    ...(maxMemoryMb === undefined ? [] : [`maxmemory ${maxMemoryMb}mb`]),
    '',
  ].join('\n');
}

/** The configuration file knows the escapes of JSON that a path can have. */
function quoted(path: string): string {
  return JSON.stringify(path);
}

async function answersPing(socket: string): Promise<boolean> {
  return (await answer(socket, 'PING').catch(() => '')).startsWith('+PONG');
}

async function usageOf(socket: string, pid: number): Promise<Member> {
  const info = await answer(socket, 'INFO cpu');
  const us = (name: string) => Math.round(1e6 * Number(new RegExp(`^${name}:(.*)`, 'm').exec(info)?.[1]));
  const status = readOr('', `/proc/${pid}/status`);
  const switches = (kind: string) => Number(new RegExp(`^${kind}:\\s*(\\d+)$`, 'm').exec(status)?.[1] ?? 0);
  return {
    pid,
    cpuUserUs: us('used_cpu_user'),
    cpuSystemUs: us('used_cpu_sys'),
    switchesVoluntary: switches('voluntary_ctxt_switches'),
    switchesInvoluntary: switches('nonvoluntary_ctxt_switches'),
  };
}

/** Sends one command on a connection of its own, and returns everything that Redis answers. */
function answer(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const connection = connect(socket, () => connection.end(`${command}\r\nQUIT\r\n`));
    connection.setEncoding('latin1');
    connection.on('data', (part: string) => {
      answer += part;
    });
    connection.on('error', reject);
    connection.on('close', () => resolve(answer));
  });
}

function lastLine(logFile: string): string {
  return readOr('', logFile).trimEnd().split('\n').at(-1) || 'it has logged nothing';
}

function readOr(otherwise: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return otherwise;
  }
}
