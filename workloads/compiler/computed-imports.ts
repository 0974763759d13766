import { SourceMap, type SourceMapPayload, type SourceMapping } from 'node:module';

/** An import whose specifier is no plain text. The source map says whether it is code, or part of a text. */
const computed = /(?<![\w$.#])import\((?!["'`])/g;

/**
 * Makes `import(name)` look for files and packages where its source is, as `require(name)` does, and not
 * beside the compiled module. The name of the function that takes its place is as long as `import`, so that
 * the source map stays right.
 * @param sources the URL of each source in the map; null for code that the compiler added
 * @param head the number of lines of the banner, behind which the functions are declared
 */
export function computedImports(
  code: string,
  {
    map,
    sources,
    head,
  }: {
    readonly map: SourceMapPayload;
    readonly sources: readonly (string | null)[];
    readonly head: number;
  },
): string {
  const places = new SourceMap({ ...map, sources: sources.map((_, index) => String(index)) });
  const functions = new Map<string, string>();
  const lines = code.split('\n').map((line, row) =>
    line.replaceAll(computed, (found, column: number) => {
      const entry = places.findEntry(row, column);
      if (!('originalSource' in entry)) return found;
      const source = sources[Number(entry.originalSource)] ?? null;
      if (source === null || !startsAt(entry, { row, column }, places)) return found;
      const name = functions.get(source) ?? `$i${functions.size.toString(36).padStart(4, '0')}`;
      functions.set(source, name);
      return `${name}(`;
    }),
  );
  const declared = [...functions].map(
    ([source, name]) => ` const ${name} = __forkwise_importer(${JSON.stringify(source)});`,
  );
  lines[head - 1] += declared.join('');
  return lines.join('\n');
}

/** True if the source has code of its own at a place, and not the inside of a text. */
function startsAt(
  entry: SourceMapping,
  { row, column }: { readonly row: number; readonly column: number },
  places: SourceMap,
): boolean {
  if (entry.generatedLine !== row || entry.generatedColumn !== column) return false;
  if (column > 0) return true;
  // The compiler repeats the last place at the beginning of a line that has none.
  const { originalLine, originalColumn } = places.findEntry(
    row - 1,
    Number.MAX_SAFE_INTEGER,
  ) as Partial<SourceMapping>;
  return originalLine !== entry.originalLine || originalColumn !== entry.originalColumn;
}
