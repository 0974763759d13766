import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { Worker } from 'node:worker_threads';
import type {
  AnyDocument,
  DocumentByPath,
  DocumentByReference,
  Outcome,
} from '../../../strategies/strategy.js';
import type { Document } from '../../../workloads/workload.js';

/** A test writes documents without their places in the run. */
export type Form =
  | Omit<Document, 'index'>
  | Omit<DocumentByPath, 'index'>
  | Omit<DocumentByReference, 'index'>;

export const onLinux = { skip: process.platform !== 'linux' };
export const folder = mkdtempSync(join(tmpdir(), 'forkwise-references-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Number of files written so far. */
let files = 0;
/** Writes a file with a new name, and returns its path. */
export function fileOf(content: Uint8Array | string): string {
  const path = join(folder, `file ${files++}.txt`);
  writeFileSync(path, content);
  return path;
}

export function numbered(forms: readonly Form[]): AnyDocument[] {
  return forms.map((form, index) => ({ index, ...form }));
}

/** Returns bytes that differ from place to place. */
export function pattern(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let i = 0; i < size; i++) bytes[i] = i * 7 + (i >> 8);
  return bytes;
}

interface Unreadable {
  readonly path: string;
  readonly code?: string;
  readonly message?: RegExp;
}

/** Makes one file of every kind that cannot be read. */
export function unreadableFiles(): Unreadable[] {
  const place = mkdtempSync(join(folder, 'unreadable-'));
  const at = (name: string) => join(place, name);
  mkdirSync(at('folder'));
  symlinkSync(at('nowhere'), at('dangling'));
  symlinkSync(at('circle'), at('circle'));
  execFileSync('mkfifo', [at('pipe')]);
  closeSync(openSync(at('huge'), 'w'));
  truncateSync(at('huge'), 3 * 2 ** 30); // a hole, which takes no space
  writeFileSync(at('secret'), 'secret', { mode: 0 });
  const noFile = /^expected a regular file, got a folder, a pipe, a socket or a device: /;
  return [
    { path: at('missing'), code: 'ENOENT' },
    { path: at('missing/file'), code: 'ENOENT' },
    { path: at('secret/file'), code: 'ENOTDIR' },
    { path: at('dangling'), code: 'ENOENT' },
    { path: at('circle'), code: 'ELOOP' },
    { path: at('x'.repeat(300)), code: 'ENAMETOOLONG' },
    { path: at('null\0byte'), code: 'ERR_INVALID_ARG_VALUE', message: /without a null byte: / },
    { path: at('folder'), message: noFile },
    { path: at('pipe'), message: noFile },
    { path: '/dev/zero', message: noFile },
    { path: at('huge'), message: /greater than 2 GiB/ },
    ...(process.getuid?.() === 0 ? [] : [{ path: at('secret'), code: 'EACCES' }]),
    // The first can be opened and not read; not even root may open the second.
    ...(process.platform === 'linux'
      ? [
          { path: '/proc/self/mem', code: 'EIO' },
          ...(isOpen('/proc/1/mem') ? [] : [{ path: '/proc/1/mem', code: 'EACCES' }]),
        ]
      : []),
  ];
}

function isOpen(path: string): boolean {
  try {
    closeSync(openSync(path, 'r'));
    return true;
  } catch {
    return false;
  }
}

/** Shortens the file and fills it again, in a thread; returns a function that ends this. */
export function changeAgainAndAgain(path: string, content: Uint8Array): () => Promise<unknown> {
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const code = `
    const { openSync, ftruncateSync, writeSync, closeSync } = require('node:fs');
    const { path, content, stop } = require('node:worker_threads').workerData;
    const file = openSync(path, 'r+');
    for (let round = 1; Atomics.load(stop, 0) === 0; round++) {
      const length = (round * 7919) % content.length;
      ftruncateSync(file, length);
      for (let at = length; at < content.length; at += 10_000)
        writeSync(file, content, at, Math.min(10_000, content.length - at), at);
    }
    closeSync(file);
  `;
  const thread = new Worker(code, { eval: true, workerData: { path, content, stop } });
  const ended = new Promise((resolve, reject) => thread.once('exit', resolve).once('error', reject));
  return () => {
    Atomics.store(stop, 0, 1);
    return ended;
  };
}

export function numberedForms(name: string, paths: readonly (string | Uint8Array)[]): Form[] {
  return paths.map((path, i) => ({ id: `${name}${i}`, path }));
}

export function okValue(outcome: Outcome): unknown {
  return outcome.status === 'ok'
    ? outcome.value
    : assert.fail(`${outcome.id}: ${JSON.stringify(outcome.error)}`);
}
