import type { Session } from '../../strategies/strategy.js';
import { CircuitRun, type RunSettings } from './circuit-run.js';
import { machineClock } from './pause-clock.js';

/** The circuit of a session, as a job sees it. */
export interface JobCircuit {
  /** True when no further document is given. */
  readonly hasEnded: boolean;
  /** The failure of the service, once the circuit was given up; else null. */
  readonly reason: string | null;
  /** Gives no further document. Documents that wait for the service have no outcome, and run another time. */
  stop(): void;
}

export interface CircuitOf extends Omit<RunSettings, 'clock'> {
  /** The clock of the machine is the default. */
  readonly clock?: RunSettings['clock'];
}

/** Returns a session that gives documents as the circuit says: see the head of `services/circuit.ts`. */
export function withCircuit(
  session: Session,
  { circuit, isJob, clock = machineClock }: CircuitOf,
): { readonly session: Session; readonly circuit: JobCircuit } {
  let current: CircuitRun | null = null;
  let hasEnded = false;
  const job: JobCircuit = {
    get hasEnded() {
      return hasEnded || (isJob && circuit.state === 'given up');
    },
    get reason() {
      return circuit.state === 'given up' ? circuit.reason : null;
    },
    stop() {
      hasEnded = true;
      current?.drop();
    },
  };
  const circuited: Session = {
    ...(session.transport !== undefined && { transport: session.transport }),
    ...(session.setPerWorker && { setPerWorker: session.setPerWorker.bind(session) }),
    ...(session.stages && { stages: session.stages.bind(session) }),
    get replaced() {
      return session.replaced;
    },
    get refusals() {
      return session.refusals;
    },
    get runMs() {
      return session.runMs;
    },
    members: () => session.members(),
    broadcast: (message) => session.broadcast(message),
    async run(documents, emit, options) {
      const run = new CircuitRun(documents, emit, { circuit, isJob, clock });
      current = run;
      if (job.hasEnded) run.stop();
      try {
        do await session.run(run, run.emit, options);
        while (run.begins());
      } finally {
        current = null;
        await run.end();
      }
    },
    cancel(index) {
      current?.cancel(index);
      session.cancel(index);
    },
    close(options) {
      hasEnded = true;
      current?.stop();
      return session.close(options);
    },
  };
  return { session: circuited, circuit: job };
}
