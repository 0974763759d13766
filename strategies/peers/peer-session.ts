import { type LibraryPool, poolSession } from '../library-pool/pool-session.js';
import { guarded } from '../session/session.js';
import type { Member, Session } from '../strategy.js';
import type { PeerProcesses } from './peer-processes.js';

export interface PeerSessionOptions {
  /** The pool's worker processes; absent where it has threads. */
  readonly processes?: PeerProcesses;
  /** Asks a process beside the workers, such as a broker, for its usage. Absent: there is none. */
  readonly beside?: () => Promise<Member>;
  /** True when it was opened with delivery `reference`. Absent: the pool has no such delivery. */
  readonly takesReferences?: boolean;
}

/**
 * The session over the pool of a peer. Peers run as their libraries come: no document is run again, and a
 * session is not killed at once, because some libraries then never settle the calls that are pending.
 */
export async function peerSession(
  pool: LibraryPool,
  { processes, beside, takesReferences = false }: PeerSessionOptions = {},
): Promise<Session> {
  const end = async () => {
    await pool.end();
    await processes?.close();
  };
  const { run, members, close } = await poolSession({ ...pool, end }, { again: null });
  return guarded({
    takesReferences,
    run,
    async members() {
      const ofPool = await members();
      return beside === undefined ? ofPool : { ...ofPool, processes: [...ofPool.processes, await beside()] };
    },
    close,
  });
}
