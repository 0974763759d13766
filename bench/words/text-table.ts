/**
 * A table as text cells, for the console and for Markdown. Numbers are aligned right from column
 * `numbersFrom` on.
 */
export interface TextTable {
  readonly header: readonly string[];
  readonly numbersFrom: number;
  /** Groups are set apart by a rule where the output can draw one. */
  readonly groups: readonly (readonly (readonly string[])[])[];
  /** A narrow terminal goes without these columns, the first one first. */
  readonly spare?: readonly string[];
}
