import { readFileSync, writeFileSync } from 'node:fs';
import { type Column, summaryColumns, trialColumns } from './results/columns.js';

/** `npm run docs`: writes what is generated in the documentation anew, between its markers. */

const root = new URL('../../', import.meta.url);

rewrite('results/README.md', { trials: columnTable(trialColumns), summary: columnTable(summaryColumns) });

/** Replaces what stands between `<!-- name: … -->` and `<!-- /name -->`. */
function rewrite(path: string, parts: Record<string, string>): void {
  let text = readFileSync(new URL(path, root), 'utf8');
  for (const [name, part] of Object.entries(parts)) {
    const between = new RegExp(`(<!-- ${name}: [^]*?-->\n)[^]*?(<!-- /${name} -->)`);
    if (!between.test(text)) throw new Error(`expected markers "${name}" in ${path}`);
    text = text.replace(between, (_, open: string, close: string) => `${open}${part}\n${close}`);
  }
  writeFileSync(new URL(path, root), text);
}

function columnTable(columns: readonly Column[]): string {
  const lines = columns.map(({ name, about }) => `| \`${name}\` | ${about.replaceAll('|', '\\|')} |`);
  return ['| column | meaning |', '| --- | --- |', ...lines].join('\n');
}
