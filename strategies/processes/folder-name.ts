import { randomBytes } from 'node:crypto';
import { join } from 'node:path';

/**
 * Names a folder that is to be made. A reaper gets the name before the folder is there: a process that is
 * killed between the two leaves nothing behind then.
 */
export function newFolderName(parent: string, prefix: string): string {
  return join(parent, prefix + randomBytes(9).toString('base64url'));
}
