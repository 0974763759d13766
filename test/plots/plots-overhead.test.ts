import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import type { Spec } from '../../plots/chart.js';
import { type GranularityRow, granularity, type MetgMark } from '../../plots/charts/granularity.js';
import { type OverheadRow, overhead } from '../../plots/charts/overhead.js';
import { apart, lineHeight } from '../../plots/end-labels.js';
import { powersOfTen } from '../../plots/log-axis.js';
import { looksOf } from '../../plots/looks.js';
import { renderSvg } from '../../plots/render.js';

/** Each strategy costs about this much, µs per document of 10 KB with 2 workers. */
const usual: Record<string, number> = {
  partitioned: 2.2,
  'self-scheduling': 2.1,
  'post-message': 4.3,
  queue: 5,
  'thread-pool': 16,
  piscina: 17,
  tinypool: 18,
  poolifier: 19,
  'workerpool-threads': 55,
  'jest-worker': 58,
  'jest-worker-threads': 58,
  'tinypool-processes': 58,
  'process-pool': 100,
  'thread-per-document': 30_000,
};
const all = Object.keys(usual);
const few = ['partitioned', 'queue', 'thread-pool'];
const hostile = [
  '</text><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' + alert(1) + '",
  'datum.value',
  '__proto__',
  '',
];

interface Choice {
  readonly strategies?: readonly string[];
  readonly workers?: readonly number[];
  readonly sizes?: readonly number[];
  readonly change?: (row: OverheadRow) => Partial<OverheadRow>;
}

function overheads({
  strategies = few,
  workers = [1, 2],
  sizes = [0, 1e4, 1e5, 5e5],
  change,
}: Choice = {}): OverheadRow[] {
  const rows = workers.flatMap((count) =>
    strategies.flatMap((strategy) =>
      sizes.map((document_bytes) => {
        const overhead_us = (usual[strategy] ?? 30) + document_bytes / 1e4;
        return {
          strategy,
          workers: count,
          document_bytes,
          overhead_us,
          overhead_us_lower: overhead_us * 0.9,
          overhead_us_upper: overhead_us * 1.1,
        };
      }),
    ),
  );
  return rows.map((row) => ({ ...row, ...change?.(row) }));
}

interface Sweep {
  readonly rows: GranularityRow[];
  readonly marks: MetgMark[];
}

function sweeps(strategies: readonly string[] = few): Sweep {
  const rows = strategies.flatMap((strategy) =>
    Array.from({ length: 12 }, (_, power) => {
      const granularity_us = 4 ** power + (usual[strategy] ?? 30);
      return { strategy, granularity_us, efficiency: 4 ** power / granularity_us };
    }),
  );
  const marks = strategies.flatMap((strategy) =>
    [0.5, 0.8].map((e) => {
      const metg_us = (usual[strategy] ?? 30) / (1 - e);
      return { strategy, e, metg_us, metg_us_lower: metg_us * 0.94, metg_us_upper: metg_us * 1.06 };
    }),
  );
  return { rows, marks };
}

const nothing = { overhead_us: null, overhead_us_lower: null, overhead_us_upper: null };
const mark = (change: Partial<MetgMark>): MetgMark => {
  return { strategy: 'queue', e: 0.5, metg_us: null, metg_us_lower: null, metg_us_upper: null, ...change };
};

/** The charts must draw all of these, ordinary or not. */
const pictures: Record<string, () => Spec> = {
  'overhead of three strategies': () => overhead(overheads()),
  'overhead of 14 strategies with three worker counts': () =>
    overhead(overheads({ strategies: all, workers: [1, 2, 4] })),
  'overhead of 40 strategies': () =>
    overhead(overheads({ strategies: Array.from({ length: 40 }, (_, i) => `own-${i}`) })),
  'overhead of one size': () => overhead(overheads({ sizes: [1e4] })),
  'overhead of empty documents alone': () => overhead(overheads({ sizes: [0] })),
  'overhead of one value': () => overhead(overheads({ strategies: ['queue'], workers: [2], sizes: [1e4] })),
  'overhead without intervals': () =>
    overhead(overheads({ change: () => ({ overhead_us_lower: null, overhead_us_upper: null }) })),
  'overhead with an interval that reaches below 0': () =>
    overhead(overheads({ change: () => ({ overhead_us_lower: -4 }) })),
  'overhead with negative values': () =>
    overhead(
      overheads({
        change: (row) => (row.strategy === 'queue' && row.document_bytes === 1e5 ? { overhead_us: -1 } : {}),
      }),
    ),
  'overhead with a failed strategy': () =>
    overhead(overheads({ change: (row) => (row.strategy === 'queue' ? nothing : {}) })),
  'overhead with limits': () =>
    overhead(overheads(), {
      limits: [1, 2].flatMap((copies) =>
        [0, 1e4, 1e5, 5e5].map((document_bytes) => ({
          copies,
          document_bytes,
          limit_us: (copies * document_bytes) / 2e4 + 1,
        })),
      ),
    }),
  'overhead of one size with a limit': () =>
    overhead(overheads({ sizes: [1e4] }), {
      limits: [{ copies: 0, document_bytes: 1e4, limit_us: 1 }],
    }),
  'overhead of empty documents with a limit': () =>
    overhead(overheads({ sizes: [0] }), { limits: [{ copies: 1, document_bytes: 0, limit_us: 1 }] }),
  'overhead of hostile names': () => overhead(overheads({ strategies: hostile })),
  'no overhead': () => overhead([]),
  'no known overhead': () => overhead(overheads({ change: () => nothing })),
  'granularity of three strategies': () => drawn(sweeps()),
  'granularity of 14 strategies': () => drawn(sweeps(all)),
  'granularity without marks': () => drawn({ ...sweeps(), marks: [] }),
  'granularity with bounds and without intervals': () =>
    drawn({
      ...sweeps(),
      marks: [mark({ metg_us_upper: 4 }), mark({ strategy: 'partitioned', metg_us: 5 })],
    }),
  'granularity with a mark of a strategy that is not drawn': () =>
    drawn({ ...sweeps(), marks: [mark({ strategy: 'async', metg_us: 3 })] }),
  'granularity of one point': () =>
    drawn({ rows: [{ strategy: 'queue', granularity_us: 10, efficiency: 0.4 }], marks: [] }),
  'granularity with an efficiency above 1': () =>
    drawn({ rows: sweeps().rows.map((row) => ({ ...row, efficiency: 1.2 })), marks: [] }),
  'granularity with an unknown point': () =>
    drawn({
      ...sweeps(),
      rows: sweeps().rows.map((row, i) =>
        i === 5 ? { ...row, granularity_us: null, efficiency: null } : row,
      ),
    }),
  'granularity of hostile names': () => drawn(sweeps(hostile)),
  'no granularity': () => drawn({ rows: [], marks: [] }),
};

const validate = new Ajv({ strict: false, validateFormats: false }).compile(
  JSON.parse(readFileSync(createRequire(import.meta.url).resolve('vega-lite/vega-lite-schema.json'), 'utf8')),
);

for (const [name, draw] of Object.entries(pictures)) {
  it(`draws: ${name}`, async () => {
    const spec = draw();
    assert.ok(validate(spec), JSON.stringify(validate.errors?.slice(0, 3), null, 2));
    for (const source of found(spec, 'data'))
      assert.ok(Array.isArray((source as Spec).values), 'data must be inline');
    const warnings: string[] = [];
    const svg = await renderSvg(spec, (message) => warnings.push(message));
    assert.deepEqual(warnings, []);
    assert.match(svg, /^<svg [^>]*role="img"/);
    assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
    assert.equal(/>no data: /.test(svg), name.startsWith('no '));
    assert.equal(await renderSvg(draw()), svg, 'the same data must give the same picture');
  });
}

describe('names', () => {
  for (const [chart, draw] of Object.entries({ overhead: overheadOf, granularity: granularityOf })) {
    it(`of strategies are text in the picture of ${chart}, never markup or code`, async () => {
      const spec = draw(hostile);
      for (const expression of [
        ...found(spec, 'labelExpr'),
        ...found(spec, 'expr'),
        ...found(spec, 'filter'),
      ])
        assert.doesNotMatch(JSON.stringify(expression), /alert|script/);
      const svg = await renderSvg(spec);
      assert.doesNotMatch(svg, /<script|<img/);
      assert.match(svg, /&lt;\/text&gt;&lt;script&gt;/);
    });

    it(`appear once in each panel of ${chart}, with the look that they have everywhere`, async () => {
      const looks = looksOf(few);
      for (const scale of found(draw(few), 'scale') as Spec[]) {
        if (!('range' in scale)) continue;
        assert.deepEqual(scale.domain, few);
        for (const [i, value] of (scale.range as string[]).entries())
          assert.ok(Object.values(looks.get(few[i] as string) ?? {}).includes(value));
      }
      for (const names of [all, few, ['a', 'queue']]) {
        const svg = await renderSvg(draw(names));
        for (const name of names) assert.equal(svg.split(`>${name}<`).length - 1, 1, name);
      }
    });
  }
});

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
      (await parts((row) => (row.document_bytes === 1e5 ? nothing : {}))).split('M').length - 1,
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
    const panel = first(overheads({ strategies: all, sizes: [0, 1e4, 2e4] }));
    const empty = 1e4 / 3;
    const places = points(panel).map((point) => point.x as number);
    assert.equal(new Set(places).size, 3 * all.length);
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

describe('ticks of a logarithmic axis', () => {
  it('are powers of ten, and more digits where fewer than two fit', () => {
    assert.deepEqual(powersOfTen([0.5, 2e4]), [1, 10, 100, 1000, 10_000]);
    assert.deepEqual(powersOfTen([0.0009, 0.2]), [0.001, 0.01, 0.1]);
    assert.deepEqual(powersOfTen([3, 60]), [5, 10, 20, 50]);
  });
});

describe('labels at the ends of lines', () => {
  it('stay where they are with room enough, and share it about their mean without', () => {
    assert.deepEqual(apart([10, 50, 90], 100), [10, 50, 90]);
    assert.deepEqual(apart([50, 50, 50], 100), [50 - lineHeight, 50, 50 + lineHeight]);
    assert.deepEqual(apart([0, 0], 100), [0, lineHeight]);
    assert.deepEqual(apart([100, 100], 100), [100 - lineHeight, 100]);
  });

  it('are a line apart, within the panel and in order', () => {
    const height = 30 * lineHeight;
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: height, noNaN: true }), { maxLength: 31 }), (places) => {
        const moved = apart(
          places.toSorted((a, b) => a - b),
          height,
        );
        assert.equal(moved.length, places.length);
        for (const [i, place] of moved.entries()) {
          assert.ok(place >= 0 && place <= height + 1e-9);
          if (i > 0) assert.ok(place - (moved[i - 1] as number) >= lineHeight - 1e-9);
        }
      }),
    );
  });
});

function drawn({ rows, marks }: Sweep): Spec {
  return granularity(rows, marks);
}

function overheadOf(strategies: readonly string[]): Spec {
  return overhead(overheads({ strategies, workers: [2] }));
}

function granularityOf(strategies: readonly string[]): Spec {
  return drawn(sweeps(strategies));
}

/** Finds every value of a key, at any depth. */
function found(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, child]) => (name === key ? [child] : found(child, key)));
}
