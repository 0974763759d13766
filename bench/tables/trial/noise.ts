import type { Column } from '../table.js';

/** These columns of `trials.csv` say what disturbed a trial from outside, and by how much. */
export const noiseColumns = [
  {
    name: 'noise_window_ms',
    type: 'number',
    empty: true,
    about:
      'the time that the noise columns describe: from the start of the first pass to the end of the ' +
      'last, including the verification in between, milliseconds',
  },
  {
    name: 'noise_steal_percent',
    type: 'number',
    empty: true,
    about: 'share of the machine’s time that the hypervisor gave to other guests; the trial is void above 5',
  },
  {
    name: 'noise_others_percent',
    type: 'number',
    empty: true,
    about:
      'share of the machine’s time that went to processes outside the tree and the suite; the trial ' +
      'is void above 5 plus the resolution of the counters (one tick per core)',
  },
  {
    name: 'noise_pressure_ms',
    type: 'number',
    empty: true,
    about: 'time in which at least one runnable thread of the machine waited for a core (PSI)',
  },
  {
    name: 'noise_run_delay_ms',
    type: 'number',
    empty: true,
    about: 'time that live threads of the tree waited for a core; oversubscription alone causes this, too',
  },
  {
    name: 'noise_throttled_ms',
    type: 'number',
    empty: true,
    about: 'time in which a CPU quota stopped the tree',
  },
  {
    name: 'noise_swap_pages',
    type: 'number',
    empty: true,
    about: 'number of pages that the machine swapped; the trial is void above 0',
  },
  {
    name: 'quota_limited',
    type: 'boolean',
    empty: true,
    about: 'whether a CPU quota stopped the tree; empty where the system does not report it',
  },
] as const satisfies readonly Column[];
