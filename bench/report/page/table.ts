import type { TextTable } from '../../words/text-table.js';
import { type Child, type Html, html } from './html.js';

/** A text table as markup. Columns without any text are left out; a group begins with a rule. */
export function tableOf({ header, numbersFrom, groups }: TextTable): Html {
  const rows = groups.flat();
  return tableWith({ header, numbersFrom, groups }, (column) => rows.some((row) => row[column] !== ''));
}

/** Likewise, without the columns in which nothing differs. */
export function tableOfDifferences({ header, numbersFrom, groups }: TextTable): Html {
  const rows = groups.flat();
  const isShown = (column: number) =>
    rows.length === 1 ? rows[0]?.[column] !== '' : new Set(rows.map((row) => row[column])).size > 1;
  return tableWith({ header, numbersFrom, groups }, isShown);
}

/** A table of two columns: a name and its value. */
export function definitionTable(lines: readonly (readonly [string, string])[]): Html {
  return scrolling(
    html`<table><tbody>${lines.map(
      ([name, value]) => html`<tr><th>${name}</th><td>${value}</td></tr>
`,
    )}</tbody></table>`,
  );
}

/** Lets a wide table scroll by itself, so that the page does not. */
export function scrolling(table: Html): Html {
  return html`<div class="scroll">${table}</div>`;
}

/** Text between backticks is a name. */
export function marked(sentence: string): Child[] {
  return sentence.split('`').map((part, i) => (i % 2 === 0 ? part : html`<code>${part}</code>`));
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function tableWith({ header, numbersFrom, groups }: TextTable, isShown: (column: number) => boolean): Html {
  const kept = <Item>(cells: readonly Item[]) => cells.filter((_, column) => isShown(column));
  const kind = (column: number) => (column < numbersFrom ? '' : 'number');
  const head = kept(header.map((name, column) => html`<th class="${kind(column)}">${name}</th>`));
  const line = (row: readonly string[], begins: boolean) => {
    const classes = [begins ? 'group' : '', row[0] === '→' ? 'choice' : ''].join(' ').trim();
    const cells = kept(row.map((cell, column) => html`<td class="${kind(column)}">${marked(cell)}</td>`));
    return html`<tr class="${classes}">${cells}</tr>
`;
  };
  const body = groups.map((group, g) => group.map((row, r) => line(row, g > 0 && r === 0)));
  return scrolling(html`<table class="nowrap"><thead><tr>${head}</tr></thead><tbody>
${body}</tbody></table>`);
}
