import { type LibraryPool, poolSession } from '../library-pool/pool-session.js';
import { guarded } from '../session/session.js';
import type { Session } from '../strategy.js';
import type { PeerProcesses } from './peer-processes.js';

/**
 * The session over the pool of a peer. Peers run as their libraries come: no document is run again, and a
 * session is not killed at once, because some libraries then never settle the calls that are pending.
 * @param processes the pool's worker processes; absent where it has threads
 */
export async function peerSession(pool: LibraryPool, processes?: PeerProcesses): Promise<Session> {
  const end = async () => {
    await pool.end();
    await processes?.close();
  };
  const { run, members, close } = await poolSession({ ...pool, end }, { again: null });
  return guarded({ run, members, close });
}
