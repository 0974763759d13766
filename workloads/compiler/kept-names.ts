import { SourceMap, type SourceMapPayload } from 'node:module';

/** A class or function at the top of a compiled module, and the name that a class has inside itself. */
const declaration = /^(?:var ([\w$]+) = class(?: ([\w$]+))?\b|(?:async )?function\*? ([\w$]+)\()/d;

/**
 * Returns a statement that gives classes and functions their names back. In one module for all of a task's
 * files the compiler renames what has the same name in two of them, and a class that refers to itself. Names
 * are seen at run time, for example in `error.name`. The compiler's own option for this makes every inner
 * function slower, each time that it is made.
 */
export function keptNames(code: string, payload: SourceMapPayload): string {
  const map = new SourceMap(payload);
  const renamed = code.split('\n').flatMap((line, row) => {
    const match = declaration.exec(line);
    const [, variable, inner, called] = match ?? [];
    const bound = variable ?? called;
    const [column] = match?.indices?.[variable === undefined ? 3 : 1] ?? [];
    if (bound === undefined || column === undefined) return [];
    const entry = map.findEntry(row, column);
    // A text may have lines that look like declarations.
    if (!('generatedLine' in entry) || entry.generatedLine !== row || entry.generatedColumn !== column)
      return [];
    const { name = bound } = entry as { readonly name?: string };
    const is = inner === 'extends' ? bound : (inner ?? bound);
    return is === name ? [] : [`[${bound}, "${is}", "${name}"]`];
  });
  if (renamed.length === 0) return '';
  return `for (const [value, is, name] of [${renamed.join(', ')}])
  if (typeof value === 'function' && value.name === is)
    Object.defineProperty(value, 'name', { value: name, configurable: true });
`;
}
