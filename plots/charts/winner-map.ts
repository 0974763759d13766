import type { WinnerRow } from '../../bench/tables/situation-columns.js';
import { listed } from '../../bench/words/units.js';
import type { Chart, Spec } from '../chart.js';
import { picture, unique } from '../picture.js';
import { looksOf } from '../style.js';
import { textWidth } from '../text-width.js';

const question = 'Where does which strategy win?';
const missing = 'no strategy with a number of workers has a valid trial';

/** A tile, px. */
const tile = { width: 132, height: 38 };

/** A tile a document size and number of workers: the colour is the winner's, the text its name and gain, `~` before a tie. */
const winnerMap: Chart = {
  name: 'winner-map',
  question,
  table: { from: 'winners', columns: ['documents_per_second', 'speedup', 'tied'] },
  caption({ winners }) {
    if (winners.length === 0) return null;
    const names = unique(winners.map(({ strategy }) => strategy));
    const [only] = names;
    if (names.length === 1) return `${only} everywhere`;
    const counts = names.map(
      (name) => `${name} in ${winners.filter(({ strategy }) => strategy === name).length}`,
    );
    return `of ${winners.length} tiles ${listed(counts)}`;
  },
  spec({ winners }) {
    if (winners.length === 0) return picture(null, { question, missing });
    const looks = looksOf(unique(winners.map(({ strategy }) => strategy)));
    const color = {
      field: 'strategy',
      type: 'nominal',
      scale: { domain: [...looks.keys()], range: [...looks.values()].map(({ colour }) => colour) },
      legend: null,
    };
    const maps = unique(winners.map(({ workload }) => workload)).map((workload) =>
      map(
        winners.filter((row) => row.workload === workload),
        { workload, color },
      ),
    );
    return picture({ spacing: 24, vconcat: maps }, { question, missing });
  },
};

export default winnerMap;

function map(rows: readonly WinnerRow[], { workload, color }: { workload: string; color: Spec }): Spec {
  const corpora = unique(
    [...rows].sort((a, b) => a.document_bytes - b.document_bytes).map(({ corpus }) => corpus),
  );
  const workers = unique(rows.map((row) => row.workers)).sort((a, b) => a - b);
  const x = {
    field: 'workers',
    type: 'ordinal',
    sort: null,
    scale: { domain: workers },
    axis: { labelAngle: 0, ticks: false, domain: false },
    title: 'workers',
  };
  const y = {
    field: 'corpus',
    type: 'ordinal',
    sort: null,
    scale: { domain: corpora },
    axis: { ticks: false, domain: false },
    title: null,
  };
  const values = rows.map((row) => ({
    ...row,
    name: `${row.tied === null ? '' : '~ '}${shortened(row.strategy)}`,
    gain: gain(row),
  }));
  const text = { type: 'text', color: '#ffffff', align: 'center', baseline: 'middle' };
  return {
    title: {
      text: workload,
      subtitle: 'rate ÷ that of sequential; ~ where others cannot be told from it',
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

/** What fits on a tile beside the sign of a tie. */
function shortened(name: string): string {
  const fits = (text: string) => textWidth(text, { fontSize: 11, bold: true }) <= tile.width - 24;
  if (fits(name)) return name;
  let end = name.length;
  while (end > 1 && !fits(`${name.slice(0, end)}…`)) end--;
  return `${name.slice(0, end)}…`;
}

function gain({ speedup, documents_per_second }: WinnerRow): string {
  return speedup === null ? `${Math.round(documents_per_second)} documents/s` : `${speedup.toFixed(2)}×`;
}

function tooltip(): Spec[] {
  return [
    { field: 'strategy', type: 'nominal' },
    { field: 'workers', type: 'quantitative' },
    { field: 'documents_per_second', type: 'quantitative', title: 'documents per second', format: ',.3~r' },
    { field: 'tied', type: 'nominal', title: 'not told from it' },
  ];
}
