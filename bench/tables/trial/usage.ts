import type { Column } from '../table.js';

/** These columns of `trials.csv` say what the process tree used: CPU time, memory, threads, event loops. */
export const usageColumns = [
  {
    name: 'cpu_user_ms',
    type: 'number',
    empty: true,
    about:
      'user CPU time of the whole process tree over the timed passes, milliseconds; every process ' +
      'counts itself (getrusage)',
  },
  { name: 'cpu_system_ms', type: 'number', empty: true, about: 'system CPU time, likewise' },
  {
    name: 'cpu_percent',
    type: 'number',
    empty: true,
    about: 'CPU time ÷ wall time × 100; 100 is one core',
  },
  {
    name: 'tree_cpu_check_ms',
    type: 'number',
    empty: true,
    about:
      'a check: CPU time of the same tree as the kernel counts it (clock ticks of 10 ms), read from ' +
      'outside over the noise window; it cannot leave out what happens between passes',
  },
  {
    name: 'cpu_source',
    type: 'text',
    empty: true,
    about:
      '`self-report`: every process counts itself; `self-report+cutime`: children ended inside the ' +
      'window, and the kernel’s sum over ended children counts them; `incomplete`: children ended, ' +
      'and nothing counts them; `partial`: some workers could not be asked, so columns about the ' +
      'whole tree are empty',
  },
  {
    name: 'rss_peak_bytes',
    type: 'number',
    empty: true,
    about:
      'peak sum of resident sizes over the process tree (pidusage); a shared page counts once per ' +
      'process, so this is an upper bound',
  },
  {
    name: 'memory_peak_bytes',
    type: 'number',
    empty: true,
    about:
      'peak memory of the process tree with shared pages counted once: Σ (Pss_Anon + Pss_Shmem) + ' +
      'max RssFile; empty where the system does not report it',
  },
  {
    name: 'memory_peak_kind',
    type: 'text',
    empty: true,
    about:
      'how both peaks were measured: `high-water` is recorded by the kernel and exact (a tree of ' +
      'one process); `sampled` is the largest sample, a lower bound',
  },
  {
    name: 'memory_interval_ms',
    type: 'number',
    empty: true,
    about: 'mean time between memory samples, milliseconds',
  },
  {
    name: 'memory_samples',
    type: 'number',
    empty: true,
    about: 'number of memory samples, including the one at the end of the window',
  },
  {
    name: 'sampler_cpu_percent',
    type: 'number',
    empty: true,
    about:
      'CPU time that sampling used inside the window, percent of one core; the sampler is outside ' +
      'the measured tree',
  },
  {
    name: 'threads_peak',
    type: 'number',
    empty: true,
    about:
      'largest sampled number of threads over the process tree; empty where the system does not ' +
      'report it',
  },
  {
    name: 'context_switches_voluntary',
    type: 'number',
    empty: true,
    about:
      'voluntary context switches of the whole process tree over the timed passes (getrusage); ' +
      'empty on Windows',
  },
  {
    name: 'context_switches_involuntary',
    type: 'number',
    empty: true,
    about: 'involuntary context switches, likewise',
  },
  {
    name: 'event_loop_utilization',
    type: 'number',
    empty: true,
    about:
      'share of the timed passes in which the main thread’s event loop was busy, 0 to 1; blocking ' +
      'counts as busy',
  },
  {
    name: 'event_loop_utilization_workers',
    type: 'number',
    empty: true,
    about: 'likewise, mean over the event loops of the workers; empty where there are no workers',
  },
  {
    name: 'gc_ms',
    type: 'number',
    empty: true,
    about: 'time of garbage collection in all JavaScript engines of the tree, milliseconds',
  },
] as const satisfies readonly Column[];
