import type { WinnerRow } from '../../bench/tables/situation-columns.js';
import { listed, number } from '../../bench/words/units.js';
import type { Chart, Spec } from '../chart.js';
import { lookChannelsWithoutLegend, looksIn } from '../looks.js';
import { corporaBySize, picture, unique } from '../picture.js';
import { textWidth } from '../text-width.js';

const question = 'Where does which strategy win?';
const missing = 'no strategy with a number of workers has a valid trial';

/** Every tile has this size, px. */
const tile = { width: 132, height: 38 };

/**
 * Draws a tile per document size and number of workers. The colour is the winner's, and the text its name and
 * speed-up, after `~` where another strategy may be as fast.
 */
const winnerMap: Chart = {
  name: 'winner-map',
  question,
  table: { from: 'winners', columns: ['documents_per_second', 'speedup', 'tied'] },
  caption({ winners }) {
    if (winners.length === 0) return null;
    const names = unique(winners.map(({ strategy }) => strategy));
    const [only] = names;
    if (names.length === 1) return `${only} everywhere`;
    const tiles = (name: string) => winners.filter(({ strategy }) => strategy === name).length;
    return `${winners.length} tiles: ${listed(names.map((name) => `${name} in ${tiles(name)}`))}`;
  },
  spec(data) {
    const { winners } = data;
    if (winners.length === 0) return picture(null, { question, missing });
    const looks = looksIn(
      data,
      winners.map(({ strategy }) => strategy),
    );
    const { color } = lookChannelsWithoutLegend(looks);
    const maps = unique(winners.map(({ workload }) => workload)).map((workload) => {
      const rows = winners.filter((row) => row.workload === workload);
      return map(rows, { workload, color });
    });
    return picture({ spacing: 24, vconcat: maps }, { question, missing });
  },
};

export default winnerMap;

function map(rows: readonly WinnerRow[], { workload, color }: { workload: string; color: Spec }): Spec {
  const corpora = corporaBySize(rows);
  const workers = unique(rows.map((row) => row.workers)).sort((a, b) => a - b);
  const axis = { ticks: false, domain: false };
  const x = {
    field: 'workers',
    type: 'ordinal',
    sort: null,
    scale: { domain: workers },
    axis: { labelAngle: 0, ...axis },
    title: 'workers',
  };
  const y = { field: 'corpus', type: 'ordinal', sort: null, scale: { domain: corpora }, axis, title: null };
  const values = rows.map((row) => ({
    ...row,
    name: `${row.tied === null ? '' : '~ '}${shortened(row.strategy)}`,
    gain: gain(row),
  }));
  const text = { type: 'text', color: '#ffffff', align: 'center', baseline: 'middle' };
  return {
    title: {
      text: workload,
      subtitle: 'rate ÷ rate of sequential; ~ where other strategies may be as fast',
      offset: 8,
    },
    width: workers.length * tile.width,
    height: corpora.length * tile.height,
    data: { values },
    encoding: { x, y },
    layer: [
      { mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 2 }, encoding: { color, tooltip: tooltip() } },
      {
        mark: { ...text, dy: -7, fontSize: 11, fontWeight: 'bold' },
        encoding: { text: { field: 'name', type: 'nominal' } },
      },
      { mark: { ...text, dy: 8, fontSize: 11 }, encoding: { text: { field: 'gain', type: 'nominal' } } },
    ],
  };
}

/** Shortens a name until it fits on a tile beside the `~` of a tie. */
function shortened(name: string): string {
  const fits = (text: string) => textWidth(text, { fontSize: 11, bold: true }) <= tile.width - 24;
  if (fits(name)) return name;
  let end = name.length;
  while (end > 1 && !fits(`${name.slice(0, end)}…`)) end--;
  return `${name.slice(0, end)}…`;
}

function gain({ speedup, documents_per_second }: WinnerRow): string {
  return speedup === null ? `${number(documents_per_second)} documents/s` : `${speedup.toFixed(2)}×`;
}

function tooltip(): Spec[] {
  return [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'documents_per_second', type: 'quantitative', title: 'documents per second', format: ',.3~r' },
    { field: 'tied', type: 'nominal', title: 'may be as fast' },
  ];
}
