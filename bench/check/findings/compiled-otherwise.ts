import { notHonoured } from '../../../workloads/tsconfig-limits.js';
import { type Check, found, type Row } from '../finding.js';

const row: Row = {
  id: 'compiled-otherwise',
  level: 'warning',
  when:
    'the nearest tsconfig.json asks for what the task compiler cannot do: `emitDecoratorMetadata`, ' +
    '`plugins` that transform, `rootDirs`, `moduleSuffixes`, `customConditions`, `jsx: "preserve"`, ' +
    '`reactNamespace`; or it leaves options to `references`, or extends a file that is not there',
  remedy: 'compile the task yourself, for example with tsc, and give forkwise the JavaScript that comes out',
};

export default {
  rows: [row],
  async measure(_, { task }) {
    return notHonoured(new URL(task.url)).map((said) => found(row, said));
  },
} satisfies Check;
