import { escapeUTF8 } from 'entities';

/** Markup that needs no escaping: `html` made it, or `trusted` vouches for it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type Child = Html | string | number | null | readonly Child[];

/**
 * Makes markup. Values that are not markup are escaped, in text and in quoted attributes. Lists are joined,
 * and null adds nothing.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Child[]): Html {
  return new Html(
    parts.map((part, i) => part + (i < values.length ? markupOf(values[i] as Child) : '')).join(''),
  );
}

/** Takes markup from elsewhere. The caller vouches that it contains no unescaped text of a user. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

/**
 * Makes a script element that holds data. The data cannot end the element: `<` is written as a JSON escape.
 */
export function jsonScript(id: string, data: unknown): Html {
  const json = JSON.stringify(data).replaceAll('<', '\\u003c');
  return html`<script type="application/json" id="${id}">${trusted(json)}</script>`;
}

function markupOf(child: Child): string {
  if (child === null) return '';
  if (child instanceof Html) return child.markup;
  if (Array.isArray(child)) return child.map(markupOf).join('');
  return escapeUTF8(String(child));
}
