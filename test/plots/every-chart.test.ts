import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { arrivalSummaryTable } from '../../bench/tables/arrival-summary.js';
import { comparisonTable } from '../../bench/tables/comparison-columns.js';
import { projectionTable, scalingTable } from '../../bench/tables/scaling-columns.js';
import { crossoverTable, winnerTable } from '../../bench/tables/situation-columns.js';
import { sloTable } from '../../bench/tables/slo-columns.js';
import { stageTable } from '../../bench/tables/stage-columns.js';
import { summaryTable } from '../../bench/tables/summary-columns.js';
import type { Table } from '../../bench/tables/table.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import type { ChartData, ChartTable, Spec } from '../../plots/chart.js';
import { charts } from '../../plots/index.js';
import { looksOf } from '../../plots/looks.js';
import { renderSvg } from '../../plots/render.js';
import { onlyLong } from '../support.js';
import { data, dataSets, distinct, failed, found, overWorkers, panels, workloads } from './data.js';

const tables: Record<ChartTable['from'], Table> = {
  summaries: summaryTable,
  comparisons: comparisonTable,
  scaling: scalingTable,
  projections: projectionTable,
  winners: winnerTable,
  crossovers: crossoverTable,
  arrivals: arrivalSummaryTable,
  limits: sloTable,
  stages: stageTable,
  trials: trialTable,
};

const validate = new Ajv({ strict: false, validateFormats: false, code: { optimize: false } }).compile(
  JSON.parse(readFileSync(createRequire(import.meta.url).resolve('vega-lite/vega-lite-schema.json'), 'utf8')),
);

/** Pictures of these have the parts of another one: `npm test` leaves them to `npm run test:long`. */
const alike = [
  'cpu and io, three sizes',
  'one workload, one corpus',
  'five workloads, four corpora',
  'only io',
  'one worker count',
  'unknown strategies',
  'strategies and peers',
  'fractional cores',
  'a failed strategy',
  'sequential failed on one corpus',
];

/** The data sets as they were before any chart had them. */
const written = new Map(Object.entries(dataSets).map(([name, set]) => [name, JSON.stringify(set)]));
const drawn = new Map<string, Promise<string>>();

/** Draws a specification, once for all tests. */
function picture(spec: Spec): Promise<string> {
  const key = JSON.stringify(spec);
  const known = drawn.get(key);
  if (known !== undefined) return known;
  const svg = renderSvg(spec, (message) => assert.fail(message));
  drawn.set(key, svg);
  return svg;
}

it('every chart has a name and a question of its own', () => {
  for (const key of ['name', 'question'] as const)
    assert.equal(new Set(charts.map((chart) => chart[key])).size, charts.length);
  for (const { name } of charts) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
});

for (const chart of charts) {
  describe(chart.name, () => {
    for (const [name, set] of Object.entries(dataSets)) {
      it(`specifies: ${name}`, () => {
        const spec = chart.spec(set);
        assert.ok(validate(spec), JSON.stringify(validate.errors?.slice(0, 3), null, 2));
        const again = JSON.stringify(chart.spec(set));
        assert.equal(again, JSON.stringify(spec), 'the same data must give the same specification');
        const sources = found(spec, 'data');
        assert.ok(sources.length > 0);
        for (const source of sources)
          assert.ok(Array.isArray((source as Spec).values), 'data must be inline');
        assert.equal(JSON.stringify(set), written.get(name), 'a chart must not change its data');
      });

      it(`draws: ${name}`, alike.includes(name) ? onlyLong : {}, async () => {
        const svg = await picture(chart.spec(set));
        assert.match(svg, /^<svg [^>]*role="img"/);
        assert.ok(svg.includes(`<title>${chart.question}</title>`));
        assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
        assert.equal(JSON.stringify(set), written.get(name), 'a chart must not change its data');
      });
    }

    it('draws the same picture for the same data', async () => {
      const set = dataSets['two small panels'] as ChartData;
      assert.equal(await renderSvg(chart.spec(set)), await picture(chart.spec(set)));
    });

    it('says so when there is nothing to draw', async () => {
      for (const name of ['no rows', 'all failed']) {
        assert.match(await picture(chart.spec(dataSets[name] as ChartData)), />no data: /);
      }
      assert.doesNotMatch(
        await picture(chart.spec(dataSets['cpu and io, three sizes'] as ChartData)),
        />no data: /,
      );
    });

    it('has a caption of one line, null where there is nothing to say', () => {
      for (const [name, set] of Object.entries(dataSets)) {
        const caption = chart.caption(set);
        if (caption !== null) assert.doesNotMatch(caption, /NaN|Infinity|undefined|null|\n/, name);
      }
      assert.equal(chart.caption(dataSets['no rows'] as ChartData), null);
      assert.notEqual(chart.caption(dataSets['cpu and io, three sizes'] as ChartData), null);
    });

    it('has a table of columns that its file has', () => {
      const { from, columns } = chart.table;
      const names: readonly string[] = tables[from].columns.map(({ name }) => name);
      assert.deepEqual(
        columns.filter((column) => !names.includes(column)),
        [],
      );
    });

    it('is drawn as it was last looked at', () => {
      const path = new URL(`../../../test/plots/snapshots/${chart.name}.vl.json`, import.meta.url);
      const text = `${JSON.stringify(chart.spec(dataSets['two small panels'] as ChartData), null, 1)}\n`;
      if (process.env.FORKWISE_SNAPSHOTS === 'write') writeFileSync(path, text);
      assert.equal(
        text,
        existsSync(path) ? readFileSync(path, 'utf8') : 'no snapshot',
        'look at the picture, then write the snapshot with FORKWISE_SNAPSHOTS=write; CONTRIBUTING says how',
      );
    });

    if (!overWorkers.includes(chart.name)) return;

    it('has one row a workload and one panel a corpus, smallest documents first', () => {
      const rows = chart.spec(dataSets['five workloads, four corpora'] as ChartData).vconcat as Spec[];
      assert.deepEqual(
        rows.map((row) => (row.title as Spec).text),
        Object.keys(workloads),
      );
      for (const row of rows) {
        const titles = (row.hconcat as Spec[]).map((panel) => (panel.title as Spec).text);
        assert.deepEqual(titles, [
          'documents: 10KB',
          'documents: mixed',
          'documents: 100KB',
          'documents: 500KB',
        ]);
      }
    });

    it('leaves out a corpus without a value', () => {
      const set = data({
        corpora: ['10KB', '100KB'],
        change: (row) => (row.corpus === '10KB' ? failed : {}),
      });
      assert.deepEqual(
        panels(chart, set).map((panel) => (panel.title as Spec).text),
        ['documents: 100KB'],
      );
    });

    it('has ticks at the worker counts measured, values from zero', () => {
      const spec = chart.spec(data({ workers: [3, 1, 6] }));
      assert.deepEqual(
        distinct(found(spec, 'axis').flatMap((axis) => (axis as Spec).values ?? [])),
        [1, 3, 6],
      );
      const y = found(spec, 'scale').filter((scale) => (scale as Spec).nice === true) as {
        domain: [number, number];
      }[];
      assert.ok(y.length > 0);
      for (const { domain } of y) assert.equal(domain[0], 0);
    });

    it('draws the core rule only between the worker counts measured', async () => {
      assert.match(await picture(chart.spec(data({ effectiveCores: 4 }))), />4 cores</);
      assert.match(await picture(chart.spec(data({ effectiveCores: 1 }))), />1 core</);
      assert.doesNotMatch(await picture(chart.spec(data({ effectiveCores: 16 }))), /cores?</);
    });

    it('draws a point for every value, none for a failed cell', async () => {
      const whole = await picture(chart.spec(data({})));
      const holed = await picture(chart.spec(dataSets['a failed cell'] as ChartData));
      const queue = looksOf(['queue']).get('queue')?.colour as string;
      const symbols = (svg: string) => svg.split(`fill="${queue}"`).length - 1;
      assert.equal(symbols(whole), 1 + 4, 'legend and four worker counts');
      assert.equal(symbols(holed), 1 + 3);
    });

    it('draws sequential as one dashed rule a panel that has it', async () => {
      const rules = async (set: ChartData) =>
        (await picture(chart.spec(set))).split('stroke-dasharray="6,4"').length - 1;
      const times = chart.name === 'efficiency' ? 0 : 1;
      assert.equal(await rules(data({})), times);
      assert.equal(await rules(data({ corpora: ['10KB', '100KB'] })), 2 * times);
      assert.equal(await rules(data({ strategies: ['async', 'queue'] })), 0);
      assert.equal(await rules(data({ change: (row) => (row.strategy === 'sequential' ? failed : {}) })), 0);
    });

    it('lists the strategies drawn in order of first appearance, each with its own look', () => {
      const order = ['queue', 'sequential', 'async', 'my-own', 'thread-pool'];
      const set = data({ strategies: order, change: (row) => (row.strategy === 'async' ? failed : {}) });
      const expected = order.filter(
        (name) => name !== 'async' && !(chart.name === 'efficiency' && name === 'sequential'),
      );
      const looks = looksOf(order);
      const scales = found(chart.spec(set), 'scale').filter((scale) => 'range' in (scale as Spec)) as {
        domain: string[];
        range: string[];
      }[];
      assert.ok(scales.length > 0);
      for (const { domain, range } of scales) {
        assert.deepEqual(domain, expected);
        for (const [i, value] of range.entries()) {
          assert.ok(Object.values(looks.get(expected[i] as string) ?? {}).includes(value));
        }
      }
    });
  });
}
