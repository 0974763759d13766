import { type LibraryPool, poolSession } from '../library-pool/pool-session.js';
import { guarded } from '../session/session.js';
import type { Session } from '../strategy.js';

/**
 * The session over the pool of a peer. Peers run as their libraries come: no document is run again, and a
 * session is not killed at once, because some libraries then never settle the calls that are pending.
 */
export async function peerSession(pool: LibraryPool): Promise<Session> {
  const { run, members, close } = await poolSession(pool, { again: null });
  return guarded({ run, members, close });
}
