import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Spec } from '../../plots/chart.js';
import type { MetgMark } from '../../plots/charts/granularity.js';
import { type OverheadRow, overhead } from '../../plots/charts/overhead.js';
import { renderSvg } from '../../plots/render.js';
import { found } from './data.js';
import { allNames, type Choice, drawn, mark, overheads, sweeps, unknownOverhead } from './overhead-data.js';

describe('overhead', () => {
  const panels = (rows: OverheadRow[]) => overhead(rows).concat as Spec[];
  const points = (panel: Spec) => (panel.data as { values: Spec[] }).values;
  const first = (rows: OverheadRow[]) => panels(rows)[0] as Spec;

  it('has a panel a number of workers, with the same axes', () => {
    const both = panels(overheads({ workers: [4, 1] }));
    assert.deepEqual(
      both.map((panel) => (panel.title as Spec).text),
      ['1 worker', '4 workers'],
    );
    const domains = both.map((panel) => found(panel, 'scale').map((scale) => (scale as Spec).domain));
    assert.deepEqual(domains[0], domains[1]);
  });

  it('has ticks at the sizes measured, empty documents at the left of them', async () => {
    const svg = await renderSvg(overhead(overheads({ workers: [2] })));
    for (const tick of ['0 B', '10 KB', '100 KB', '500 KB']) assert.ok(svg.includes(`>${tick}<`), tick);
    assert.doesNotMatch(await renderSvg(overhead(overheads({ sizes: [1e4, 1e5] }))), />0 B</);
    assert.deepEqual(
      points(first(overheads({ strategies: ['queue'] }))).map(({ bytes, x }) => [bytes, x]),
      [
        [0, 3333.3],
        [1e4, 1e4],
        [1e5, 1e5],
        [5e5, 5e5],
      ],
    );
  });

  it('draws no line to empty documents and none across a value that is missing', async () => {
    const parts = async (change?: Choice['change']) => {
      const svg = await renderSvg(
        overhead(overheads({ strategies: ['queue'], workers: [2], ...(change && { change }) })),
      );
      const line = /<g class="mark-line[^>]*><path d="([^"]*)"/.exec(svg)?.[1] ?? '';
      return (line.match(/[ML]/g) ?? []).join('');
    };
    assert.equal(await parts(), 'MLL');
    assert.equal(
      (await parts((row) => (row.document_bytes === 1e5 ? unknownOverhead : {}))).split('M').length - 1,
      2,
    );
  });

  it('says how many values have no place on the axis', () => {
    const title = (sizes: number[]) => {
      const rows = overheads({
        workers: [2],
        change: (row) => (sizes.includes(row.document_bytes) ? { overhead_us: 0 } : {}),
      });
      return (first(rows).title as Spec).text;
    };
    assert.equal(title([]), '2 workers');
    assert.equal(title([1e4]), '2 workers; not drawn: 3 values of 0 or less');
  });

  it('cuts an interval that nearly reaches 0 or passes it', () => {
    for (const overhead_us_lower of [-5, 1e-6]) {
      const panel = first(overheads({ strategies: ['queue'], change: () => ({ overhead_us_lower }) }));
      const y = found(panel, 'scale').map((scale) => (scale as Spec).domain as number[])[1] as number[];
      assert.ok((y[0] as number) > 1);
      for (const point of points(panel)) assert.equal(point.low, y[0]);
    }
  });

  it('equal values are drawn side by side, each nearest to its own size', () => {
    const panel = first(overheads({ strategies: allNames, sizes: [0, 1e4, 2e4] }));
    const empty = 1e4 / 3;
    const places = points(panel).map((point) => point.x as number);
    assert.equal(new Set(places).size, 3 * allNames.length);
    for (const { x, bytes } of points(panel)) {
      const nearest = [empty, 1e4, 2e4].toSorted(
        (a, b) => Math.abs(Math.log((x as number) / a)) - Math.abs(Math.log((x as number) / b)),
      )[0];
      assert.equal(nearest, bytes === 0 ? empty : bytes);
    }
  });
});

describe('granularity', () => {
  /** Returns the data of each layer: of the curves for view 0, of the key for view 1. */
  const layers = (spec: Spec, view: number) =>
    (((spec.hconcat as Spec[])[view] as Spec).layer as Spec[]).map(
      (layer) => (layer.data as { values: Spec[] }).values,
    );
  const texts = async (marks: MetgMark[]) => {
    const svg = await renderSvg(drawn({ ...sweeps(), marks }));
    return [...svg.matchAll(/>([^<>]+)<\/text>/g)].map(([, text]) => text?.replace('&gt;', '>'));
  };

  it('gives METG in figures of two digits, in the unit of the value', async () => {
    const wide = await texts([mark({ metg_us: 34.56, metg_us_lower: 31.23, metg_us_upper: 38.9 })]);
    assert.ok(wide.includes('35 µs') && wide.includes('31–39'));
    const long = await texts([mark({ metg_us: 1040, metg_us_lower: 830, metg_us_upper: 1260 })]);
    assert.ok(long.includes('1 ms') && long.includes('0.83–1.3'));
    assert.ok((await texts([mark({ metg_us: 996 })])).includes('1 ms'));
  });

  it('says what is known where METG is not', async () => {
    assert.ok((await texts([mark({ metg_us_upper: 4.1 })])).includes('≤ 4.1 µs'));
    assert.ok((await texts([mark({ metg_us_lower: 2e6 })])).includes('> 2 s'));
    assert.ok((await texts([mark({})])).includes('–'));
    const open = await texts([mark({ metg_us: 30, metg_us_upper: 40 })]);
    assert.ok(open.includes('30 µs') && open.includes('≤ 40'));
    assert.ok((await texts([mark({ metg_us: 30, metg_us_lower: 20 })])).includes('≥ 20'));
  });

  it('lists the strategies by METG, unknown ones last', () => {
    const marks = [
      mark({ strategy: 'thread-pool', metg_us: 7 }),
      mark({ strategy: 'partitioned', metg_us: 9 }),
    ];
    const entries = layers(drawn({ ...sweeps(), marks }), 1)[0] ?? [];
    assert.deepEqual(
      entries.map(({ strategy }) => strategy),
      ['thread-pool', 'partitioned', 'queue'],
    );
  });

  it('has a column only for an efficiency that was asked about', async () => {
    const { rows, marks } = sweeps();
    const half = await renderSvg(drawn({ rows, marks: marks.filter(({ e }) => e === 0.5) }));
    assert.match(half, />METG 50 %</);
    assert.doesNotMatch(half, />METG 80 %</);
    assert.match(await renderSvg(drawn({ rows, marks })), />METG 80 %</);
  });

  it('marks METG at 50 % on the line, with rules at 50 and 80 %', () => {
    const data = layers(drawn(sweeps(['queue'])), 0);
    assert.deepEqual(data[0], [{ efficiency: 0.5 }, { efficiency: 0.8 }]);
    assert.deepEqual(
      data[2]?.map(({ strategy, e, metg_us }) => [strategy, e, metg_us]),
      [['queue', 0.5, 10]],
    );
  });
});
