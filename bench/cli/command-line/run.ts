import type { Command } from 'commander';
import { jobOf } from '../../config/settle.js';
import { endSoon } from '../end-process.js';
import { withJobFile } from './shared.js';

/** @param version of forkwise, which the sidecar of a job has */
export function addRun(program: Command, version: string): void {
  withJobFile(program.command('run'))
    .description(
      'process all your documents with one strategy and write a line of NDJSON each; if called ' +
        'again, it continues',
    )
    .addHelpText(
      'before',
      `Examples:
  forkwise run --config recommendation.json --docs './inbox/**' --out results.ndjson  # as \`pick\` found best
  forkwise run --task ./parse.ts --strategy queue --workers 4 --timeout 30s --docs ./inbox --out out.ndjson
  forkwise run --config recommendation.json --docs ./rows --shards ./vectors --shard-compression gzip
`,
    )
    .option(
      '--task <file>',
      'your task, TypeScript or JavaScript; ./parse.ts#parse names an export (default: that of --config)',
    )
    .option('--docs <folder or glob>', 'your documents; a folder includes everything in it')
    .option('--out <file>', 'file for one line per document; documents that have a line already are done')
    .option(
      '--shards <folder>',
      'in place of --out: a folder of NDJSON files of limited size, with their checksums in manifest.ndjson',
    )
    .option('--shard-size <size>', 'maximum size of a shard before it is compressed (default: 64MB)')
    .option('--shard-compression <kind>', 'none, gzip, or zstd from Node 22.15 on (default: none)')
    .option(
      '--order <order>',
      'write lines in the order of completion, or of the input: then a slow document holds later ones back',
      'completion',
    )
    .option('--config <file>', 'a recommendation.json; options on the command line take precedence')
    .option('--strategy <name>', 'as in "forkwise list"')
    .option(
      '--workers <count>',
      'worker threads or processes (default: that of --config, or the number of cores)',
    )
    .option(
      '--per-worker <count>',
      'documents at the same time in a worker, for tasks that wait (default: that of --config, or 1)',
    )
    .option(
      '--stages <split>',
      'in place of --workers, the workers of each stage of a task with stages, like load=1,encode=2,write=1',
    )
    .option(
      '--adaptive',
      'the documents that a worker runs at the same time follow the load (with async: documents in flight)',
    )
    .option('--timeout <duration>', 'a document that takes longer ends as timed-out, like 30s')
    .option(
      '--limit <limits>',
      'the service that the task calls accepts this much, like 100/s,600/60s,tokens=90000/60s',
    )
    .option(
      '--tries <count>',
      'try a document this often when its task marks the failure as retryable, or --retry-on names it',
    )
    .option('--retry-on <codes>', 'codes and HTTP statuses of failures to try again, like ECONNRESET,502')
    .option(
      '--fallback <json>',
      'the value of documents that fail for good, like null; they then count as ok, and are counted apart',
    )
    .option(
      '--circuit <time>',
      'while the service fails every document, wait this long for it to work again; then the job ends. 0s: ' +
        'not at all; off: go on (default: 10m with --limit or --tries, or else off)',
    )
    .option(
      '--cache <folder>',
      'keep results in this folder, and take them from there for documents with the same content',
    )
    .option(
      '--cache-size <size>',
      'the cache has at most this size, like 1GB; results that were not used for long are removed ' +
        '(default: 10GB)',
    )
    .option(
      '--cache-verify <share>',
      'run this share of the documents whose results are kept again, like 1%, and stop using the cache ' +
        'when one has another result',
    )
    .option(
      '--serial',
      'run the documents one by one on the main thread, whatever the strategy and the workers, for a ' +
        'debugger',
    )
    .option(
      '--grace <duration>',
      'after Ctrl-C or SIGTERM, documents in progress have this long to finish',
      '25s',
    )
    .option(
      '--changed <what>',
      'documents whose files have changed since: keep their lines, or run them again',
      'keep',
    )
    .option(
      '--broker <url>',
      'the Redis of the agents that run the documents, for strategy broker (default: the variable ' +
        'FORKWISE_BROKER, which no process list shows, or else a Redis and agents of its own)',
    )
    .option('--retry <statuses>', 'run documents with these statuses again, like failed,timed-out,crashed')
    .option('--json', 'the summary as JSON on standard output; what tasks print goes to standard error')
    .option(
      '--force',
      'run several documents at a time on one thread even if the task is known to mix them up',
    )
    .action(async (flags, command: Command) => {
      try {
        const { runDocuments } = await import('../commands/run.js');
        process.exitCode = await runDocuments(flags, { version, job: jobOf(command), command });
      } finally {
        endSoon();
      }
    });
}

/** `forkwise agent` */
export function addAgent(program: Command): void {
  program
    .command('agent')
    .description(
      'run documents for callers on other machines, which put them into a broker; one agent a machine',
    )
    .addHelpText(
      'before',
      `Examples:
  forkwise agent --broker redis://10.0.0.5:6379 --accept ./parse.ts
  forkwise agent --broker redis://10.0.0.5:6379 --accept any --config recommendation.json --health 8080
`,
    )
    .option(
      '--broker <url>',
      'the Redis of the callers; rediss:// with TLS (default: the variable FORKWISE_BROKER, which no ' +
        'process list shows)',
    )
    .requiredOption(
      '--accept <tasks>',
      'run these tasks alone: the SHA-256 of their bundles, paths of the same task here, or names of ' +
        'workloads; any: all that the broker has',
    )
    .option('--config <file>', 'a recommendation.json with strategy and workers for this machine')
    .option('--strategy <name>', 'one with worker threads or processes (default: that of --config, or queue)')
    .option(
      '--workers <count>',
      'worker threads or processes (default: that of --config, or the number of cores)',
    )
    .option('--credit <batches>', 'maximum number of batches that are here at a time (default: workers + 2)')
    .option('--project <folder>', 'folder whose packages and files the tasks use', '.')
    .option('--health <port>', 'answer /live and /ready on this port (default: no port)')
    .option(
      '--grace <duration>',
      'after Ctrl-C or SIGTERM, batches that are here have this long to finish',
      '25s',
    )
    .action(async (flags) => {
      try {
        const { agent } = await import('../commands/agent.js');
        process.exitCode = await agent(flags);
      } finally {
        endSoon(false);
      }
    });
}
