import { escapeUTF8 } from 'entities';

/** Markup that is what it says: made by `html`, or vouched for by `trusted`. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

export type Child = Html | string | number | null | readonly Child[];

/** Markup with every value escaped that is not markup itself, in text and in quoted attributes; lists are joined, null is nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Child[]): Html {
  return new Html(
    parts.map((part, i) => part + (i < values.length ? markupOf(values[i] as Child) : '')).join(''),
  );
}

/** Markup from elsewhere. Whoever calls this vouches that no text of a user stands in it unescaped. */
export function trusted(markup: string): Html {
  return new Html(markup);
}

/** A script element that holds data. Nothing in it can end the element: `<` is written as an escape of JSON. */
export function jsonScript(id: string, data: unknown): Html {
  return html`<script type="application/json" id="${id}">${trusted(JSON.stringify(data).replaceAll('<', '\\u003c'))}</script>`;
}

function markupOf(child: Child): string {
  if (child === null) return '';
  if (child instanceof Html) return child.markup;
  if (Array.isArray(child)) return child.map(markupOf).join('');
  return escapeUTF8(String(child));
}
