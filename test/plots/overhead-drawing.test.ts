import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import type { Spec } from '../../plots/chart.js';
import { overhead } from '../../plots/charts/overhead.js';
import { apart, lineHeight } from '../../plots/end-labels.js';
import { powersOfTen } from '../../plots/log-axis.js';
import { looksOf } from '../../plots/looks.js';
import { renderSvg } from '../../plots/render.js';
import { found } from './data.js';
import { allNames, drawn, fewNames, mark, overheads, sweeps, unknownOverhead } from './overhead-data.js';

const hostile = [
  '</text><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' + alert(1) + '",
  'datum.value',
  '__proto__',
  '',
];

/** The charts must draw all of these, ordinary or not. */
const pictures: Record<string, () => Spec> = {
  'overhead of three strategies': () => overhead(overheads()),
  'overhead of 14 strategies with three worker counts': () =>
    overhead(overheads({ strategies: allNames, workers: [1, 2, 4] })),
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
    overhead(overheads({ change: (row) => (row.strategy === 'queue' ? unknownOverhead : {}) })),
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
  'no known overhead': () => overhead(overheads({ change: () => unknownOverhead })),
  'granularity of three strategies': () => drawn(sweeps()),
  'granularity of 14 strategies': () => drawn(sweeps(allNames)),
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
      const looks = looksOf(fewNames);
      for (const scale of found(draw(fewNames), 'scale') as Spec[]) {
        if (!('range' in scale)) continue;
        assert.deepEqual(scale.domain, fewNames);
        for (const [i, value] of (scale.range as string[]).entries())
          assert.ok(Object.values(looks.get(fewNames[i] as string) ?? {}).includes(value));
      }
      for (const names of [allNames, fewNames, ['a', 'queue']]) {
        const svg = await renderSvg(draw(names));
        for (const name of names) assert.equal(svg.split(`>${name}<`).length - 1, 1, name);
      }
    });
  }
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

function overheadOf(strategies: readonly string[]): Spec {
  return overhead(overheads({ strategies, workers: [2] }));
}

function granularityOf(strategies: readonly string[]): Spec {
  return drawn(sweeps(strategies));
}
