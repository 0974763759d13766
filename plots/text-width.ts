/**
 * The advance widths of the characters 32 to 126 in DejaVu Sans 2.37 (its `hmtx` table), in thousandths of an
 * em. Vega needs the width of a text to place it. Without a canvas it guesses 0.8 em per character, which
 * leaves wide gaps in legends and beside axes.
 */
// biome-ignore format: a table
const advances = [
  318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
  636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
  575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
  611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
  278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];

/** The width of `÷`, `×` and the minus sign. For any other character it is a good guess. */
const otherAdvance = 838;

/** Bold letters of the same font are up to a seventh wider, on average by this factor. */
const boldFactor = 1.12;

/** Returns how wide a text is, in pixels. */
export function textWidth(text: string, { fontSize, bold }: { fontSize: number; bold: boolean }): number {
  let advance = 0;
  for (const character of text)
    advance += advances[(character.codePointAt(0) as number) - 32] ?? otherAdvance;
  return (advance / 1000) * fontSize * (bold ? boldFactor : 1);
}
