/**
 * A table describes one kind of CSV file. Types, reading, writing and `results/README.md` follow from it. In
 * memory, a row's fields have the names of its columns. An unknown value is `null`, which is written as an
 * empty cell.
 */
export interface Table<
  Columns extends readonly Column[] = readonly Column[],
  Rules extends readonly Rule[] = readonly Rule[],
> {
  readonly columns: Columns;
  /** Each row satisfies one case of every rule. */
  readonly rules: Rules;
}

export interface Column {
  readonly name: string;
  readonly type: 'text' | 'number' | 'boolean';
  /** The cell may be empty, because the value is unknown or has no meaning for this row. */
  readonly empty?: true;
  readonly about: string;
}

/** Each case of a rule says which values imply that other columns are known, or empty. */
export type Rule = readonly Case[];

export interface Case {
  /** Text columns, and the value that each has in this case. */
  readonly is?: Readonly<Record<string, string>>;
  /** Columns that are never empty in this case. */
  readonly known?: readonly string[];
  /** Columns that are always empty in this case. */
  readonly empty?: readonly string[];
}

/** Describes a table. Columns that a rule names must exist. */
export function table<const Columns extends readonly Column[], const Rules extends readonly Rule[] = []>(
  columns: Columns,
  ...rules: Rules
): Table<Columns, Rules> {
  const names = columns.map(({ name }) => name);
  for (const { is = {}, known = [], empty = [] } of rules.flat()) {
    const missing = [...Object.keys(is), ...known, ...empty].find((name) => !names.includes(name));
    if (missing !== undefined)
      throw new TypeError(`a rule names "${missing}", which is no column of its table`);
  }
  return { columns, rules };
}

/** Makes a rule for columns that are either all known or all empty. */
export function together<const Names extends readonly string[]>(
  ...names: Names
): readonly [{ readonly known: Names }, { readonly empty: Names }] {
  return [{ known: names }, { empty: names }];
}

type Value = { text: string; number: number; boolean: boolean };

type Cells<Columns extends readonly Column[]> = {
  readonly [C in Columns[number] as C['name']]: C extends { empty: true }
    ? Value[C['type']] | null
    : Value[C['type']];
};

type CaseCells<Columns extends readonly Column[], C> = (C extends { is: infer Is } ? Is : unknown) &
  (C extends { known: readonly (infer Name)[] }
    ? {
        readonly [N in Name & string]: N extends keyof Cells<Columns>
          ? NonNullable<Cells<Columns>[N]>
          : never;
      }
    : unknown) &
  (C extends { empty: readonly (infer Name)[] } ? { readonly [N in Name & string]: null } : unknown);

/** The row has one of a rule's cases, so this type distributes over their union. */
type OneOf<Columns extends readonly Column[], C> = C extends unknown ? CaseCells<Columns, C> : never;

type AllOf<Columns extends readonly Column[], Rules extends readonly Rule[]> = Rules extends readonly [
  infer First extends Rule,
  ...infer Others extends readonly Rule[],
]
  ? OneOf<Columns, First[number]> & AllOf<Columns, Others>
  : unknown;

type Flat<T> = T extends unknown ? { readonly [K in keyof T]: T[K] } : never;

/** A table's row type is a union with one member for each combination of cases. */
export type Row<T extends Table> = Flat<Cells<T['columns']> & AllOf<T['columns'], T['rules']>>;

type EmptyName<Columns extends readonly Column[]> = Extract<Columns[number], { empty: true }>['name'];

/**
 * Returns null for every column that may be empty. A row for which nothing was measured starts with these.
 */
export function unknown<Columns extends readonly Column[]>({
  columns,
}: Table<Columns>): Record<EmptyName<Columns>, null> {
  const names = columns.filter(({ empty }) => empty).map(({ name }) => [name, null]);
  return Object.fromEntries(names) as Record<string, null>;
}

/** Returns what a row of this table, or of one with more columns, has in this table's columns. */
export function columnsOf<T extends Table>(table: T, row: Row<T>): Row<T> {
  const values = row as Readonly<Record<string, unknown>>;
  return checked(table, Object.fromEntries(table.columns.map(({ name }) => [name, values[name]])));
}

/** Returns the columns that some row needs: columns that are never empty, or that are known in some case. */
export function requiredColumns({ columns, rules }: Table): string[] {
  const implied = new Set(rules.flat().flatMap(({ known = [] }) => known));
  return columns.filter(({ name, empty }) => !empty || implied.has(name)).map(({ name }) => name);
}

/** Makes a filter for rows in which all these columns are known: `rows.filter(known('speedup'))`. */
export function known<const Name extends string>(...names: readonly Name[]) {
  return <R extends { readonly [N in Name]: unknown }>(
    row: R,
  ): row is R & { readonly [N in Name]: NonNullable<R[N]> } => names.every((name) => row[name] !== null);
}

/**
 * Checks values against a table's rules, so that a row's state implies which of its values are known.
 * @throws Error that says which value is missing, or must not be there
 */
export function checked<T extends Table>(
  { columns, rules }: T,
  values: Readonly<Record<string, unknown>>,
): Row<T> {
  for (const { name, empty } of columns)
    if (!empty && values[name] === null) throw new Error(`expected a value in column "${name}"`);
  for (const rule of rules)
    if (!rule.some((each) => broken(each, values) === null)) throw violation(rule, values);
  return values as Row<T>;
}

/** Says how the values contradict the case. It is null if they do not. */
function broken(
  { known = [], empty = [], ...each }: Case,
  values: Readonly<Record<string, unknown>>,
): string | null {
  if (!applies(each, values)) return 'another case';
  const absent = known.find((name) => values[name] === null);
  if (absent !== undefined) return `expected a value in column "${absent}"`;
  const present = empty.find((name) => values[name] !== null);
  return present === undefined ? null : `expected column "${present}" to be empty`;
}

function applies({ is = {} }: Pick<Case, 'is'>, values: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(is).every(([name, value]) => values[name] === value);
}

function violation(rule: Rule, values: Readonly<Record<string, unknown>>): Error {
  const decisive = rule.find(({ is }) => is !== undefined);
  if (decisive === undefined) {
    const names = [...new Set(rule.flatMap(({ known = [] }) => known))];
    return new Error(
      `expected all of the columns ${names.map((name) => `"${name}"`).join(', ')} to be empty, or none`,
    );
  }
  const meant = rule.find((each) => applies(each, values));
  const names = Object.keys(decisive.is ?? {});
  const state = names.map((name) => `"${name}" is "${values[name]}"`).join(' and ');
  if (meant !== undefined) return new Error(`${broken(meant, values)} where ${state}`);
  const choices = rule.map(({ is }) => Object.values(is ?? {}).join(' ')).map((choice) => `"${choice}"`);
  return new Error(
    `expected "${names.join(' ')}" to be one of ${choices.join(', ')}, got "${values[names[0] ?? '']}"`,
  );
}
