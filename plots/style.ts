import { textWidth } from './text-width.js';

/** All charts share these fonts, axes and colours. The colours here mean no strategy. */

/**
 * Reference lines and their labels, which are not data, have this colour. Its contrast with white is 5.7:1.
 */
export const referenceColour = '#666666';
/** Bands have this colour. It is so pale that every other colour is visible on it. */
export const bandColour = '#e8e8e8';

const text = '#222222';
const line = '#999999';

/**
 * The number of columns with which the legend fits into the width on as few, evenly filled, lines as
 * possible.
 */
export function legendColumns(labels: readonly string[], width: number): number {
  const symbolAndGap = 30; // measured with the sizes that `config` sets
  const widths = labels.map((label) => textWidth(label, { fontSize: 11, bold: false }) + symbolAndGap);
  for (let lines = 1; lines < labels.length; lines++) {
    const columns = Math.ceil(labels.length / lines);
    // Vega fills the legend line by line. A column is as wide as its widest label.
    const needed = Array.from({ length: columns }, (_, column) =>
      Math.max(...widths.filter((_, i) => i % columns === column)),
    );
    if (needed.reduce((sum, each) => sum + each, 0) <= width) return columns;
  }
  return 1;
}

export const config = {
  background: '#ffffff', // a transparent chart would be unreadable in a dark README
  font: 'DejaVu Sans, Verdana, sans-serif', // Verdana is as wide, so the measured widths are right for both
  padding: 10,
  aria: false, // a screen reader gets one image with a title instead of hundreds of labelled symbols
  view: { stroke: null },
  axis: {
    domainColor: line,
    gridColor: '#e4e4e4',
    labelColor: text,
    labelFontSize: 11,
    tickColor: line,
    tickSize: 4,
    titleColor: text,
    titleFontSize: 11,
    titleFontWeight: 'normal',
  },
  // every panel has room for the label 10,000, so panels of different rows are aligned
  axisY: { minExtent: 46 },
  legend: {
    labelColor: text,
    labelFontSize: 11,
    orient: 'top',
    symbolSize: 70,
    symbolStrokeWidth: 2,
    title: null,
  },
  title: {
    anchor: 'start',
    color: text,
    fontSize: 13,
    subtitleColor: text,
    subtitleFontSize: 11,
    subtitlePadding: 4,
  },
};
