import { isUtf8 } from 'node:buffer';

/**
 * File systems name files by bytes, which need not be UTF-8. Inside the listing of files every name and path
 * is therefore a string with one character per byte (latin1), which loses nothing and can be cut and joined
 * like any other string.
 */
export type ByteString = string;

export function byteString(text: string): ByteString {
  return isAscii(text) ? text : Buffer.from(text).toString('latin1');
}

/** The path as the functions of `fs` need it: a string where that names the file, else the bytes. */
export function fsPath(path: ByteString): string | Buffer {
  if (isAscii(path)) return path;
  const bytes = Buffer.from(path, 'latin1');
  return isUtf8(bytes) ? bytes.toString() : bytes;
}

/**
 * The name as text, for ids and for people. Bytes that are not UTF-8 become `%E9`, and `%` becomes `%25`, so
 * that different names never have the same text.
 */
export function nameText(name: ByteString): string {
  return pathText(name.replaceAll('%', '%25'));
}

/** The same with `%` left as it is: for people, and for ids of version 0.1. */
export function pathText(name: ByteString): string {
  return isAscii(name) ? name : decoded(Buffer.from(name, 'latin1'));
}

/**
 * The name as text in which every byte that is not UTF-8 has become U+FFFD: a glob's wildcards match
 * characters.
 */
export function lossyText(name: ByteString): string {
  return isAscii(name) ? name : Buffer.from(name, 'latin1').toString();
}

function decoded(bytes: Buffer): string {
  if (isUtf8(bytes)) return bytes.toString();
  let text = '';
  for (let i = 0; i < bytes.length; ) {
    const length = [1, 2, 3, 4].find((length) => isUtf8(bytes.subarray(i, i + length))) ?? 0;
    if (length === 0) text += `%${(bytes[i] as number).toString(16).toUpperCase().padStart(2, '0')}`;
    else text += bytes.toString('utf8', i, i + length);
    i += Math.max(1, length);
  }
  return text;
}

function isAscii(text: string): boolean {
  return !/[^\0-\x7f]/.test(text);
}
