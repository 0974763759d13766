import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { type SummaryRow, summaryTable, trialTable } from '../../bench/tables/columns.js';
import { comparisonTable } from '../../bench/tables/comparison-columns.js';
import { projectionTable, scalingTable } from '../../bench/tables/scaling-columns.js';
import { crossoverTable, winnerTable } from '../../bench/tables/situation-columns.js';
import { type Table, unknown } from '../../bench/tables/table.js';
import { compare, marginsOf } from '../../bench/verdict/compare.js';
import { crossovers } from '../../bench/verdict/crossovers.js';
import { winners } from '../../bench/verdict/winners.js';
import type { Chart, ChartData, ChartTable, Spec } from '../../plots/chart.js';
import { charts } from '../../plots/index.js';
import { looksOf } from '../../plots/looks.js';
import { renderSvg } from '../../plots/render.js';
import { textWidth } from '../../plots/text-width.js';
import { peers } from '../../strategies/peers/index.js';
import { failedTrial, made, type Some, trial } from '../rows.js';
import { traitsOf } from '../runs.js';

const strategies = ['sequential', 'async', 'thread-pool', 'process-pool', 'partitioned', 'queue'];
const workloads = {
  'word-frequency': 'cpu',
  'llm-extract': 'io',
  'ocr-then-upload': 'mixed',
  hash: 'cpu',
  'json-transform': 'cpu',
};
const corpora = { '10KB': 1e4, '100KB': 1e5, '500KB': 5e5, mixed: 7e4 };

/** A cell of which nothing was measured: every column that may be empty is. */
const { oversubscribed: _, ...failed } = unknown(summaryTable);

/** The charts must draw all of these, ordinary or not. */
const dataSets: Record<string, ChartData> = {
  'one workload, one corpus': data({ workloads: ['word-frequency'], corpora: ['10KB'] }),
  'cpu and io, three sizes': data({
    workloads: ['word-frequency', 'llm-extract'],
    corpora: ['10KB', '100KB', '500KB'],
  }),
  'five workloads, four corpora': data({ workloads: Object.keys(workloads), corpora: Object.keys(corpora) }),
  'two small panels': data({
    corpora: ['10KB', '100KB'],
    strategies: ['sequential', 'thread-pool', 'queue'],
    workers: [1, 2, 4],
  }),
  'only io': data({ workloads: ['llm-extract'] }),
  'no rows': from([], 2),
  'one worker count': data({ workers: [2] }),
  'one strategy': data({ strategies: ['thread-pool'] }),
  'only sequential': data({ strategies: ['sequential'] }),
  'no sequential': data({
    strategies: ['async', 'queue'],
    change: () => ({ speedup: null, efficiency_workers: null, efficiency_cores: null }),
  }),
  'unknown strategies': data({
    strategies: ['sequential', 'my-own', 'queue', 'another-one-with-a-rather-long-name'],
  }),
  'strategies and peers': data({ strategies: [...strategies, ...peers.map(({ name }) => name)] }),
  'fractional cores': data({ effectiveCores: 2.5, workers: [1, 2, 3, 4, 6] }),
  'one round': data({
    change: () => ({
      documents_per_second_low: null,
      documents_per_second_high: null,
      speedup_low: null,
      speedup_high: null,
    }),
  }),
  'a failed cell': data({ change: (row) => (row.strategy === 'queue' && row.workers === 2 ? failed : {}) }),
  'a failed strategy': data({ change: (row) => (row.strategy === 'queue' ? failed : {}) }),
  'sequential failed on one corpus': data({
    corpora: ['10KB', '100KB'],
    change: (row) => (row.strategy === 'sequential' && row.corpus === '10KB' ? failed : {}),
  }),
  'nothing but sequential on one corpus': data({
    corpora: ['10KB', '100KB'],
    change: (row) => (row.strategy !== 'sequential' && row.corpus === '10KB' ? failed : {}),
  }),
  'all failed': data({ change: () => failed }),
  'all zero': data({
    change: (row) => ({
      cpu_ms_per_document: 0,
      cpu_user_ms_per_document: 0,
      cpu_system_ms_per_document: 0,
      context_switches_per_document: 0,
      documents_per_second_low: row.documents_per_second,
    }),
  }),
};

const tables: Record<ChartTable['from'], Table> = {
  summaries: summaryTable,
  comparisons: comparisonTable,
  scaling: scalingTable,
  projections: projectionTable,
  winners: winnerTable,
  crossovers: crossoverTable,
  trials: trialTable,
};

const validate = new Ajv({ strict: false, validateFormats: false }).compile(
  JSON.parse(readFileSync(createRequire(import.meta.url).resolve('vega-lite/vega-lite-schema.json'), 'utf8')),
);

it('every chart has a name and a question of its own', () => {
  for (const key of ['name', 'question'] as const)
    assert.equal(new Set(charts.map((chart) => chart[key])).size, charts.length);
  for (const { name } of charts) assert.match(name, /^[a-z]+(-[a-z]+)*$/);
});

/** These charts have worker counts on the x axis. */
const overWorkers = ['throughput', 'speedup', 'efficiency', 'switches', 'memory'];

for (const chart of charts) {
  describe(chart.name, () => {
    for (const [name, set] of Object.entries(dataSets)) {
      it(`draws: ${name}`, async () => {
        const before = JSON.stringify(set);
        const spec = chart.spec(set);
        assert.ok(validate(spec), JSON.stringify(validate.errors?.slice(0, 3), null, 2));
        const again = JSON.stringify(chart.spec(set));
        assert.equal(again, JSON.stringify(spec), 'the same data must give the same specification');
        const sources = found(spec, 'data');
        assert.ok(sources.length > 0);
        for (const source of sources)
          assert.ok(Array.isArray((source as Spec).values), 'data must be inline');

        const warnings: string[] = [];
        const svg = await renderSvg(spec, (message) => warnings.push(message));
        assert.deepEqual(warnings, []);
        assert.match(svg, /^<svg [^>]*role="img"/);
        assert.ok(svg.includes(`<title>${chart.question}</title>`));
        assert.doesNotMatch(svg, /NaN|Infinity|undefined/);
        assert.equal(JSON.stringify(set), before, 'a chart must not change its data');
      });
    }

    it('draws the same picture for the same data', async () => {
      const set = dataSets['cpu and io, three sizes'] as ChartData;
      assert.equal(await renderSvg(chart.spec(set)), await renderSvg(chart.spec(set)));
    });

    it('says so when there is nothing to draw', async () => {
      for (const name of ['no rows', 'all failed']) {
        assert.match(await renderSvg(chart.spec(dataSets[name] as ChartData)), />no data: /);
      }
      assert.doesNotMatch(
        await renderSvg(chart.spec(dataSets['cpu and io, three sizes'] as ChartData)),
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
      assert.match(await renderSvg(chart.spec(data({ effectiveCores: 4 }))), />4 cores</);
      assert.match(await renderSvg(chart.spec(data({ effectiveCores: 1 }))), />1 core</);
      assert.doesNotMatch(await renderSvg(chart.spec(data({ effectiveCores: 16 }))), /cores?</);
    });

    it('draws a point for every value, none for a failed cell', async () => {
      const whole = await renderSvg(chart.spec(data({})));
      const holed = await renderSvg(chart.spec(dataSets['a failed cell'] as ChartData));
      const queue = looksOf(['queue']).get('queue')?.colour as string;
      const symbols = (svg: string) => svg.split(`fill="${queue}"`).length - 1;
      assert.equal(symbols(whole), 1 + 4, 'legend and four worker counts');
      assert.equal(symbols(holed), 1 + 3);
    });

    it('draws sequential as one dashed rule a panel that has it', async () => {
      const rules = async (set: ChartData) =>
        (await renderSvg(chart.spec(set))).split('stroke-dasharray="6,4"').length - 1;
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

describe('what each chart shows', () => {
  const row = data({ workloads: ['word-frequency'], strategies: ['queue'], workers: [4] })
    .summaries[0] as SummaryRow;

  it('throughput and speed-up carry their intervals', () => {
    const set = from([row], 2);
    assert.deepEqual(shown('throughput', set), [
      row.documents_per_second,
      row.documents_per_second_low,
      row.documents_per_second_high,
    ]);
    assert.deepEqual(shown('speedup', set), [row.speedup, row.speedup_low, row.speedup_high]);
    assert.deepEqual(shown('switches', set), [row.context_switches_per_document, null, null]);
  });

  it('intervals are drawn and named where they are known', async () => {
    for (const name of ['throughput', 'speedup']) {
      const chart = chartNamed(name);
      const band = '#e8e8e8';
      const known = await renderSvg(chart.spec(data({})));
      assert.match(known, />[^<]*, 95 % intervals</);
      assert.ok(known.includes(`fill="${band}"`));
      const unknown = await renderSvg(chart.spec(dataSets['one round'] as ChartData));
      assert.doesNotMatch(unknown, /95 % intervals/);
      assert.ok(!unknown.includes(`fill="${band}"`));
      const blue = 'stroke="#00429d"';
      assert.equal(
        known.split(blue).length - unknown.split(blue).length,
        4,
        'one more stroke for each of four points',
      );
    }
  });

  it('efficiency counts cores for cpu work, workers for io and mixed', () => {
    const both = { efficiency_cores: 0.9, efficiency_workers: 0.45 };
    assert.deepEqual(shown('efficiency', from([{ ...row, ...both }], 2)), [0.9, null, null]);
    for (const kind of ['io', 'mixed']) {
      assert.deepEqual(shown('efficiency', from([{ ...row, ...both, kind }], 2)), [0.45, null, null]);
    }
  });

  it('memory counts shared pages once if every row can, else never', () => {
    const exact = { ...row, memory_peak_bytes: 50e6, rss_peak_bytes: 80e6 };
    const rssOnly = { ...exact, strategy: 'async', memory_peak_bytes: null };
    const mute = made(summaryTable, { ...exact, strategy: 'async', ...failed });
    assert.deepEqual(shown('memory', from([exact], 2)), [50, null, null]);
    assert.deepEqual(shown('memory', from([exact, rssOnly], 2)), [80, null, null]);
    assert.deepEqual(shown('memory', from([exact, mute], 2)), [50, null, null]);
    const subtitle = (summaries: SummaryRow[]) =>
      JSON.stringify(chartNamed('memory').spec(from(summaries, 2)));
    assert.match(subtitle([exact]), /peak memory, MB/);
    assert.match(subtitle([exact, rssOnly]), /peak RSS sum, MB \(upper bound\)/);
  });

  it('the ideal speed-up ends at the cores for cpu work, and at the workers otherwise', () => {
    const ideals = (kind: string) => {
      const set = data({ effectiveCores: 2.5, change: () => ({ kind }) });
      const values = found(chartNamed('speedup').spec(set), 'values').flat() as {
        ideal?: number;
        workers: number;
      }[];
      return values.filter((each) => each.ideal !== undefined);
    };
    for (const { workers, ideal } of ideals('cpu')) assert.equal(ideal, Math.min(workers, 2.5));
    assert.ok(
      ideals('cpu').some(({ workers }) => workers === 2.5),
      'the bend is a point',
    );
    for (const kind of ['io', 'mixed']) {
      for (const { workers, ideal } of ideals(kind)) assert.equal(ideal, workers);
      assert.equal(ideals(kind).at(-1)?.ideal, 8);
    }
  });

  it('speed-up has one y axis a workload, throughput one a panel', () => {
    const tops = (name: string) => {
      const spec = chartNamed(name).spec(dataSets['cpu and io, three sizes'] as ChartData);
      const first = (spec.vconcat as Spec[])[0] as Spec;
      return (first.hconcat as Spec[]).map((panel) => {
        const y = found(panel, 'scale').find((scale) => (scale as Spec).nice === true) as {
          domain: number[];
        };
        return y.domain[1];
      });
    };
    assert.equal(new Set(tops('speedup')).size, 1);
    assert.equal(new Set(tops('throughput')).size, 3);
  });

  it('strategies with equal values are drawn side by side, each nearest to its own worker count', () => {
    const workers = [1, 14, 15, 16];
    const set = data({ workers, change: () => ({ documents_per_second: 100 }) });
    const values = found(panels(chartNamed('throughput'), set)[0], 'values').flat() as {
      x?: number;
      strategy?: string;
      workers: number;
    }[];
    const points = values.filter((each) => each.strategy !== undefined && each.strategy !== 'sequential');
    assert.equal(new Set(points.map((each) => each.x)).size, 5 * workers.length);
    for (const each of points) {
      const distance = (count: number) => Math.abs(Math.log2((each.x as number) / count));
      assert.equal(workers.toSorted((a, b) => distance(a) - distance(b))[0], each.workers);
    }
  });

  it('an axis has a length even if every value is zero', () => {
    const zero = data({ change: () => ({ context_switches_per_document: 0 }) });
    const y = found(chartNamed('switches').spec(zero), 'scale').find(
      (scale) => (scale as Spec).nice === true,
    ) as { domain: number[] };
    assert.deepEqual(y.domain, [0, 1]);
  });
});

describe('looks', () => {
  it('every strategy has a colour and a shape of its own, known or not', () => {
    const names = [...strategies, 'self-scheduling', ...Array.from({ length: 16 }, (_, i) => `own-${i}`)];
    const looks = [...looksOf(names).values()];
    assert.equal(new Set(looks.map(({ colour, shape }) => `${colour} ${shape}`)).size, names.length);
    assert.equal(new Set(looks.slice(0, 7).map((look) => look.colour)).size, 7);
    assert.equal(new Set(looks.slice(0, 7).map((look) => look.shape)).size, 7);
  });

  it('a strategy that is not in the table gets a look that no other has, however many there are', () => {
    const names = [...strategies, ...Array.from({ length: 60 }, (_, i) => `own-${i}`)];
    const pairs = [...looksOf(names).values()].map(({ colour, shape }) => `${colour} ${shape}`);
    assert.equal(new Set(pairs).size, names.length);
  });

  it('a strategy has one look in all charts of a run, also where another one is left out', () => {
    const set = data({
      strategies: ['sequential', 'one', 'two'],
      change: (row) => (row.strategy === 'one' ? { latency_p50_ms: null, latency_p99_ms: null } : {}),
    });
    const expected = looksOf(['sequential', 'one', 'two']).get('two');
    for (const name of ['throughput', 'latency', 'run-order']) {
      const scales = found(chartNamed(name).spec(set), 'scale').filter((each) => 'range' in (each as Spec));
      assert.ok(scales.length > 0);
      for (const { domain, range } of scales as { domain: string[]; range: string[] }[])
        assert.ok(Object.values(expected ?? {}).includes(range[domain.indexOf('two')] ?? ''), name);
    }
  });

  it('every peer has a look of its own, and no other strategy has its shape', () => {
    const names = peers.map(({ name }) => name);
    const looks = looksOf([
      ...strategies,
      'self-scheduling',
      ...names,
      ...Array.from({ length: 16 }, (_, i) => `own-${i}`),
    ]);
    for (const name of names) {
      const own = looks.get(name);
      assert.equal([...looks.values()].filter(({ shape }) => shape === own?.shape).length, 1, name);
      assert.equal([...looks.values()].filter(({ colour }) => colour === own?.colour).length, 1, name);
      assert.deepEqual(looksOf([name]).get(name), own, 'whatever is beside it');
    }
  });

  it('a strategy looks the same whatever is beside it', () => {
    assert.deepEqual(looksOf(['queue', 'x']).get('queue'), looksOf(['y', 'async', 'queue']).get('queue'));
  });

  it('every colour has a contrast of 3:1 with white', () => {
    for (const { colour } of looksOf([
      ...strategies,
      'self-scheduling',
      ...peers.map(({ name }) => name),
      'a',
      'b',
      'c',
      'd',
    ]).values()) {
      const contrast = 1.05 / (luminance(colour) + 0.05);
      assert.ok(contrast >= 3, `${colour} has ${contrast.toFixed(2)}`);
    }
  });
});

describe('a baseline with another name', () => {
  const called = (name: string) => ({
    ...data({ change: (row) => (row.strategy === 'sequential' ? { strategy: name } : {}) }),
    baseline: name,
  });

  it('is drawn as the baseline', async () => {
    for (const name of overWorkers) {
      const rules = (await renderSvg(chartNamed(name).spec(called('loop')))).split('stroke-dasharray="6,4"');
      assert.equal(rules.length - 1, name === 'efficiency' ? 0 : 1, name);
    }
  });

  it('has no number of workers in captions and labels', async () => {
    for (const chart of charts) {
      assert.doesNotMatch(chart.caption(called('loop')) ?? '', /loop ×/);
      if (chart.name !== 'run-order')
        assert.doesNotMatch(JSON.stringify(chart.spec(called('loop'))), /loop ×/, chart.name);
    }
  });
});

describe('rendering', () => {
  const dot = {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    data: { values: [{}] },
    mark: 'point',
  };

  it('the title is escaped', async () => {
    assert.match(
      await renderSvg({ ...dot, description: 'a < b & "c" > $& d' }),
      /<title>a &lt; b &amp; "c" &gt; \$&amp; d<\/title>/,
    );
  });

  it('a warning reaches the caller', async () => {
    const warnings: string[] = [];
    await renderSvg({ ...dot, encoding: { size: { field: 'a' }, nonsense: { field: 'a' } } }, (message) =>
      warnings.push(message),
    );
    assert.equal(warnings.length > 0, true);
  });

  it('a long legend wraps instead of widening the chart', async () => {
    const width = async (names: string[]) => {
      const svg = await renderSvg(chartNamed('throughput').spec(data({ strategies: names })));
      return Number(/width="(\d+)"/.exec(svg)?.[1]);
    };
    assert.equal(
      await width(Array.from({ length: 14 }, (_, i) => `a-long-strategy-name-${i}`)),
      await width(['async']),
    );
  });

  it('text is measured, not guessed at 0.8 em', async () => {
    // fontTools: advances of "word-frequency" in DejaVu Sans are 16,126 of 2,048 an em.
    assert.ok(
      Math.abs(textWidth('word-frequency', { fontSize: 11, bold: false }) - (16126 / 2048) * 11) < 0.1,
    );
    const svg = await renderSvg({
      ...dot,
      title: { text: 'i'.repeat(100), fontSize: 10, fontWeight: 'normal' },
    });
    assert.ok(Number(/width="(\d+)"/.exec(svg)?.[1]) < 320, 'a hundred narrow letters are 278 pixels wide');
  });
});

interface Choice {
  readonly workloads?: readonly string[];
  readonly corpora?: readonly string[];
  readonly strategies?: readonly string[];
  readonly workers?: readonly number[];
  readonly effectiveCores?: number;
  readonly change?: (row: SummaryRow) => Some<SummaryRow>;
}

/** Makes a run in which cpu work scales to the cores and other work to the workers. */
function data(choice: Choice): ChartData {
  const effectiveCores = choice.effectiveCores ?? 2;
  const summaries = (choice.workloads ?? ['word-frequency']).flatMap((workload) =>
    (choice.corpora ?? ['10KB']).flatMap((corpus) =>
      (choice.strategies ?? strategies).flatMap((strategy) => {
        const counts = strategy === 'sequential' ? [1] : (choice.workers ?? [1, 2, 4, 8]);
        return counts.map((workers) => summary({ workload, corpus, strategy, workers, effectiveCores }));
      }),
    ),
  );
  return from(
    summaries.map((row) => made(summaryTable, { ...row, ...choice.change?.(row) })),
    effectiveCores,
  );
}

/** Makes the data of a run with these summaries, over three rounds that differ slightly. */
function from(summaries: readonly SummaryRow[], effectiveCores: number): ChartData {
  const trials = [1, 2, 3].flatMap((round) =>
    summaries.map(
      (
        { workload, kind, corpus, document_bytes, strategy, workers, delivery, documents_per_second },
        index,
      ) => {
        const id = { workload, kind, corpus, document_bytes, strategy, workers, delivery };
        const place = { ...id, round, order: index + 1 };
        if (documents_per_second === null) return failedTrial(place);
        const wobble = 1 + 0.01 * (((round * 7 + index) % 3) - 1);
        return trial({ ...place, documents_per_second: documents_per_second * wobble });
      },
    ),
  );
  return {
    summaries,
    comparisons: compare(trials, { claims: 'suggests', baseline: 'sequential' }),
    scaling: [],
    projections: [],
    winners: winners(summaries, { trials, strategies: traitsOf(strategies), margins: marginsOf(trials) }),
    crossovers: crossovers(trials, {
      seed: 1,
      workloads: Object.keys(workloads),
      strategies: traitsOf(strategies),
    }),
    trials,
    baseline: 'sequential',
    effectiveCores,
    memoryBytes: 8e9,
  };
}

interface Cell {
  readonly workload: string;
  readonly corpus: string;
  readonly strategy: string;
  readonly workers: number;
  readonly effectiveCores: number;
}

function summary({ workload, corpus, strategy, workers, effectiveCores }: Cell): SummaryRow {
  const kind = workloads[workload as keyof typeof workloads];
  const document_bytes = corpora[corpus as keyof typeof corpora];
  const usable = kind === 'cpu' ? Math.min(workers, effectiveCores) : workers;
  const speedup = strategy === 'sequential' ? 1 : usable * 0.9;
  const rate = (1e7 / document_bytes) * speedup;
  return {
    ...unknown(summaryTable),
    workload,
    kind,
    corpus,
    document_bytes,
    strategy,
    workers,
    delivery: 'none',
    oversubscribed: kind === 'cpu' ? workers > effectiveCores : null,
    rounds: 5,
    documents_per_second: rate,
    documents_per_second_low: rate * 0.95,
    documents_per_second_high: rate * 1.05,
    megabytes_per_second: (rate * document_bytes) / 1e6,
    speedup,
    speedup_low: speedup * 0.96,
    speedup_high: speedup * 1.04,
    efficiency_workers: speedup / workers,
    efficiency_cores: kind === 'cpu' ? speedup / Math.min(workers, effectiveCores) : null,
    cpu_percent: 100 * speedup,
    cpu_ms_per_document: document_bytes / 1e4,
    cpu_user_ms_per_document: (0.8 * document_bytes) / 1e4,
    cpu_system_ms_per_document: (0.2 * document_bytes) / 1e4,
    event_loop_utilization: 0.3,
    rss_peak_bytes: 60e6 + 40e6 * workers,
    memory_peak_bytes: 50e6 + 20e6 * workers,
    context_switches_per_document: 1,
    startup_ms: 30,
    work_efficiency: 0.95,
    balance: 0.9,
    availability: 0.8,
    break_even_documents: 12,
    latency_p50_ms: 1,
    latency_p95_ms: 2,
    latency_p99_ms: 3,
    outcomes_failed: 0,
    digest_matches: true,
  };
}

function chartNamed(name: string): Chart {
  const chart = charts.find((each) => each.name === name);
  assert.ok(chart, `no chart called "${name}"`);
  return chart;
}

function panels(chart: Chart, set: ChartData): Spec[] {
  return (chart.spec(set).vconcat as Spec[]).flatMap((row) => row.hconcat as Spec[]);
}

/** Returns value, low and high of a chart's first point. */
function shown(name: string, set: ChartData): unknown[] {
  const point = ((panels(chartNamed(name), set)[0] as Spec).data as { values: Spec[] }).values[0] as Spec;
  return [point.value, point.low, point.high];
}

/** Finds every value of a key, at any depth. */
function found(node: unknown, key: string): unknown[] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, child]) => (name === key ? [child] : found(child, key)));
}

function distinct(numbers: unknown[]): unknown[] {
  return [...new Set(numbers)];
}

/** Computes WCAG 2's relative luminance of `#rrggbb`. */
function luminance(colour: string): number {
  const [red, green, blue] = [1, 3, 5].map((at) => {
    const channel = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
