import type { AnyDocument, Outcome, Session } from '../../strategies/strategy.js';
import type { Through } from './series.js';

/** The two ways to a strategy, a session and a runner, as the dispatch benchmark drives both. */
export interface Side {
  readonly transport: string | null;
  /** True where the task sees the same index as the outcome has; a runner numbers its documents by itself. */
  readonly keepsIndex: boolean;
  /** Yields the documents of one pass. */
  source(count: number, documentAt: (index: number) => AnyDocument): Iterable<AnyDocument>;
  run(source: Iterable<AnyDocument>, take: (outcome: Outcome) => void): Promise<void>;
  close(): Promise<void>;
}

/** The module that exports `createRunner`, as far as it is called here. */
interface RunnerModule {
  createRunner(options: {
    readonly task: URL;
    readonly strategy: string;
    readonly workers: number;
    readonly delivery: string;
  }): Promise<{
    process(source: Iterable<AnyDocument>): AsyncIterable<Outcome>;
    process(
      source: Iterable<AnyDocument>,
      options: { readonly batch: true },
    ): AsyncIterable<readonly Outcome[]>;
    close(): Promise<void>;
  }>;
}

export function throughSession(session: Session): Side {
  return {
    transport: session.transport ?? null,
    keepsIndex: true,
    *source(count, documentAt) {
      for (let index = 0; index < count; index++) yield { ...documentAt(index), index };
    },
    run: (source, take) => session.run(source, take),
    close: () => session.close(),
  };
}

export async function throughRunner(
  { createRunner }: RunnerModule,
  options: Parameters<RunnerModule['createRunner']>[0],
  through: Exclude<Through, 'session'>,
): Promise<Side> {
  const runner = await createRunner(options);
  return {
    transport: null,
    keepsIndex: false,
    *source(count, documentAt) {
      for (let index = 0; index < count; index++) yield documentAt(index);
    },
    async run(source, take) {
      if (through === 'runner') for await (const outcome of runner.process(source)) take(outcome);
      else for await (const outcomes of runner.process(source, { batch: true })) outcomes.forEach(take);
    },
    close: () => runner.close(),
  };
}
