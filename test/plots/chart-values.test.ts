import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type SummaryRow, summaryTable } from '../../bench/tables/summary-columns.js';
import type { ChartData, Spec } from '../../plots/chart.js';
import { charts } from '../../plots/index.js';
import { renderSvg } from '../../plots/render.js';
import { made } from '../rows.js';
import { chartNamed, data, dataSets, failed, found, from, overWorkers, panels, shown } from './data.js';

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

  it('several documents of a worker share what its time and the ideal are', () => {
    const own = { per_worker: 256, efficiency_workers: 99, work_efficiency: 0.5, balance: 0.97 };
    const set = from([{ ...row, ...own, kind: 'io', availability: 217, speedup: 198 }], 2);
    assert.deepEqual(shown('efficiency', set), [99 / 256, null, null]);
    for (const name of ['efficiency', 'time-budget']) {
      const caption = chartNamed(name).caption(set) as string;
      const [, share] = /(\d+) %/.exec(caption) ?? [];
      assert.ok(Number(share) <= 100, caption);
    }
  });

  it('a caption of a single configuration names it once', () => {
    const once = { ...row, startup_ms: 90, break_even_documents: 35, speedup_low: 1.5 };
    for (const name of ['memory', 'startup', 'latency', 'switches', 'cpu', 'trade-off']) {
      const caption = chartNamed(name).caption(from([once], 2)) ?? '';
      assert.ok(caption.split('queue × 4').length <= 2, `${name}: ${caption}`);
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
