import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { chartData } from '../../bench/report/chart-data.js';
import type { Figure } from '../../bench/report/figure.js';
import { markdownReport } from '../../bench/report/markdown.js';
import { html, jsonScript } from '../../bench/report/page/html.js';
import { situationSection } from '../../bench/report/page/situations.js';
import { pageReport } from '../../bench/report/page.js';
import { sideBySide, sideBySideMarkdown } from '../../bench/report/side-by-side.js';
import type { TrialRow } from '../../bench/tables/trial-columns.js';
import type { Findings } from '../../bench/verdict/findings.js';
import { charts } from '../../plots/index.js';
import { renderSvg } from '../../plots/render.js';
import { environmentOf, findingsOf, type RunChoice, trialsOf } from '../runs.js';

async function figuresOf(found: Findings): Promise<Figure[]> {
  const data = chartData(found);
  const figures: Figure[] = [];
  for (const chart of charts) {
    const spec = chart.spec(data);
    figures.push({ chart, spec, caption: chart.caption(data), svg: await renderSvg(spec) });
  }
  return figures;
}

function pageOf(found: Findings, figures: readonly Figure[]): string {
  return pageReport(found, { figures, data: chartData(found), scripts: null });
}

const void_: RunChoice['change'] = () => ({
  status: 'void',
  reason: 'steal 9 %',
});

const few = ['sequential', 'async', 'thread-pool', 'queue'];

/** Runs that went wrong, or hardly were any. */
const degenerate: Record<string, RunChoice> = {
  'one cell': { strategies: ['thread-pool'], workers: [2], corpora: { '10KB': 10_000 } },
  'one round': { rounds: 1, strategies: few },
  'no trial at all': { rounds: 0 },
  'all trials void': { change: void_ },
  'all trials failed': { change: () => ({ status: 'failed', reason: 'boom', documents_per_second: null }) },
  'no sequential': { strategies: ['async', 'thread-pool', 'queue'] },
  'only sequential': { strategies: ['sequential'] },
  'a strategy that failed everywhere': {
    strategies: few,
    change: ({ strategy }) =>
      strategy === 'queue' ? { status: 'failed', reason: 'exit code 3', documents_per_second: null } : {},
  },
  'only io': { workloads: { 'llm-extract': 'io' }, corpora: { '10KB': 10_000 }, strategies: few },
  'one core': { cores: 1, workers: [1, 2], strategies: few },
  'verdicts from twelve rounds': { rounds: 12, claims: 'verdicts', strategies: few },
  'nothing but rates': {
    strategies: few,
    corpora: { '10KB': 10_000 },
    change: (row) => ({
      ...Object.fromEntries(
        Object.entries(row)
          .filter(
            ([name]) =>
              /_ms$|_bytes$|percent$|switches|utilization|busy/.test(name) &&
              !['document_bytes', 'wall_ms', 'startup_ms'].includes(name),
          )
          .map(([name]) => [name, null]),
      ),
    }),
  },
};

describe('degenerate runs', () => {
  for (const [name, choice] of Object.entries(degenerate)) {
    it(`${name}: a page and a summary that are honest`, async () => {
      const found = findingsOf(choice);
      const figures = await figuresOf(found);
      const page = pageOf(found, figures);
      const text = page.replaceAll(/<style>[\s\S]*?<\/style>/g, '').replaceAll(/<[^>]*>/g, ' ');
      assert.doesNotMatch(text, /NaN|Infinity|undefined|\bnull\b|\[object/);
      for (const id of ['verdict', 'charts', 'environment', 'method'])
        assert.ok(page.includes(`<section id="${id}">`), id);
      assert.equal(page.split('<svg role="img"').length - 1, charts.length);
      const markdown = markdownReport(found, figures);
      assert.doesNotMatch(markdown, /NaN|Infinity|undefined|\bnull\b/);
      assert.ok(markdown.split('\n').length < 60);
      if (found.conclusions.length === 0) {
        assert.match(text, /nothing is shown/);
        assert.match(markdown, /nothing is shown/);
      }
      assert.equal(pageOf(findingsOf(choice), figures), page, 'the same run must give the same words');
    });
  }

  it('a failed strategy is in the hints, and wins nothing', async () => {
    const found = findingsOf(degenerate['a strategy that failed everywhere'] as RunChoice);
    assert.match(
      found.hints.find(({ id }) => id === 'failed-trials')?.text ?? '',
      /^18 of \d+ trials failed, first .*queue × 1: exit code 3/,
    );
    for (const row of [...found.winners, ...found.situations]) assert.notEqual(row.strategy, 'queue');
  });
});

describe('hints', () => {
  const ids = (choice: RunChoice, trials?: TrialRow[]) =>
    findingsOf(choice, trials).hints.map(({ id }) => id);
  const calm: RunChoice = { rounds: 12, claims: 'verdicts', strategies: few };
  const healthy = ids(calm);

  it('of a healthy run are few', () => {
    assert.deepEqual(
      healthy.filter((id) => id !== 'inconclusive'),
      ['promises-are-not-parallel'],
    );
  });

  const causes: Record<string, RunChoice> = {
    'failed-trials': {
      ...calm,
      change: ({ order }) =>
        order === 3 ? { status: 'failed', reason: 'x', documents_per_second: null } : {},
    },
    'void-trials': {
      ...calm,
      change: ({ order }) => (order === 3 ? { status: 'void', reason: 'x' } : {}),
    },
    'failed-documents': { ...calm, change: () => ({ outcomes_failed: 3, outcomes_ok: 97 }) },
    'not-deterministic': {
      ...calm,
      change: ({ strategy }) => ({ digest_matches: strategy !== 'sequential' }),
    },
    'throttled-trials': { ...calm, change: () => ({ quota_limited: true }) },
    drift: {
      ...calm,
      change: ({ round, documents_per_second }) => ({
        documents_per_second: documents_per_second * 0.99 ** round,
      }),
    },
    'no-baseline': { ...calm, strategies: ['async', 'queue'] },
    'few-rounds': { rounds: 3 },
    'narrow-corpus': { ...calm, corpora: { '10KB': 10_000 } },
    'more-workers-untried': { ...calm, workloads: { 'llm-extract': 'io' } },
    'one-core': { ...calm, cores: 1 },
    'quota-below-cores': {
      ...calm,
      environment: { cores: { host: 8, available: 8, quota: 1.5, effective: 1.5 } },
    },
    'node-end-of-life': {
      ...calm,
      environment: {
        started_at: '2026-11-21T00:00:00Z',
        node: { ...environmentOf([], {}).node, version: '20.20.2' },
      },
    },
  };
  for (const [id, choice] of Object.entries(causes)) {
    it(`${id} comes with its cause and not without`, () => {
      assert.ok(ids(choice).includes(id), ids(choice).join());
      assert.ok(!healthy.includes(id));
    });
  }

  it('trials that were void say whether they were repeated or kept', () => {
    const text = (trials: TrialRow[]) =>
      findingsOf(calm, trials).hints.find(({ id }) => id === 'void-trials')?.text;
    const all = trialsOf(calm);
    const first = { ...(all[0] as TrialRow), status: 'void', reason: 'x' } as TrialRow;
    assert.equal(
      text([first, ...all]),
      `1 of ${all.length + 1} trials were void, first because x; all were repeated`,
    );
    const kept = { ...(all[0] as TrialRow), busy: true } as TrialRow;
    assert.equal(
      text([first, kept, ...all.slice(1)]),
      `1 of ${all.length} trials were void, first because x; ` +
        '1 had to be kept, for lack of time to repeat them',
    );
  });

  it('an interrupted run says so', () => {
    assert.ok(ids(calm, trialsOf(calm).slice(0, -1)).includes('interrupted'));
  });

  it('a run with fewer rounds than asked for does not claim to be interrupted', () => {
    const short = findingsOf(
      { ...calm, rounds: 12 },
      trialsOf(calm).filter(({ round }) => round <= 4),
    );
    const text = short.hints.find(({ id }) => id === 'interrupted')?.text;
    assert.equal(text, 'the run ended after 4 of 12 rounds, by its budget or a signal');
    assert.equal(short.complete, false);
  });

  it('a twin that differs raises the noise floor', () => {
    const trials = trialsOf(calm);
    const twins = trials
      .filter(({ strategy, workers, corpus }) => strategy === 'queue' && workers === 2 && corpus === '10KB')
      .map((row) => ({
        ...row,
        twin: 'A/A',
        documents_per_second: (row.documents_per_second as number) * (row.round % 2 ? 1.2 : 0.9),
      }));
    assert.ok(ids(calm, [...trials, ...twins]).includes('noise-floor'));
  });

  it('promises that do gain are not scolded', () => {
    const gains: RunChoice['change'] = ({ strategy, workers, documents_per_second }) =>
      strategy === 'async' ? { documents_per_second: documents_per_second * workers } : {};
    assert.ok(!ids({ ...calm, change: gains }).includes('promises-are-not-parallel'));
  });
});

describe('situations', () => {
  const found = findingsOf({ rounds: 12, claims: 'verdicts' });
  const of = (situation: string, corpus: string) =>
    found.situations.find((row) => row.situation === situation && row.corpus === corpus);

  it('throughput is the conclusion', () => {
    for (const { corpus, choice } of found.conclusions) {
      assert.deepEqual(
        [of('throughput', corpus)?.strategy, of('throughput', corpus)?.workers],
        [choice.strategy, choice.workers],
      );
    }
  });

  it('each choice meets the condition, and no other cell that does is better', () => {
    for (const { corpus, fastest } of found.conclusions) {
      const cells = found.summaries.filter((row) => row.corpus === corpus);
      const near = cells.filter(
        (row) => (row.documents_per_second as number) >= 0.8 * (fastest.documents_per_second as number),
      );
      assert.equal(
        of('latency', corpus)?.latency_p99_ms,
        Math.min(...near.map((row) => row.latency_p99_ms as number)),
      );
      assert.equal(
        of('little memory', corpus)?.memory_bytes,
        Math.min(...near.map((row) => row.memory_peak_bytes as number)),
      );
      assert.ok((of('beside a server', corpus)?.event_loop_utilization as number) <= 0.5);
      assert.ok(['process-pool', 'queue'].includes(of('isolation', corpus)?.strategy as string));
      assert.equal(of('beside a server', corpus)?.ruled_out, 'sequential async');
    }
  });

  it('what is ruled out is named as a whole, with its documents per worker', () => {
    const several = findingsOf({
      strategies: ['sequential', 'thread-pool', 'process-pool'],
      workers: [2],
      change: ({ strategy }) => (strategy === 'thread-pool' ? { per_worker: 4 } : {}),
    });
    const sections = situationSection(several).map(({ markup }) => markup);
    assert.match(
      sections.join(),
      /isolation: ruled out, since [^:]*: sequential and thread-pool \(4 per worker\)\./,
    );
  });

  it('a situation without a qualified configuration has no choice, and names what is ruled out', () => {
    const alone = findingsOf({ strategies: ['sequential', 'thread-pool'] });
    const isolation = alone.situations.find(({ situation }) => situation === 'isolation');
    assert.deepEqual([isolation?.strategy, isolation?.ruled_out], [null, 'sequential thread-pool']);
  });
});

describe('documents per worker', () => {
  const trials = trialsOf({ strategies: ['sequential', 'thread-pool'], corpora: { docs: 10_000 } });
  const both = [
    ...trials,
    ...trials.filter(({ strategy }) => strategy !== 'sequential').map((row) => ({ ...row, per_worker: 4 })),
  ];
  const environment = environmentOf(both, {
    environment: {
      not_measured: [
        { strategy: 'queue', workers: 2, delivery: 'message', per_worker: 8, reason: 'no time was left' },
      ],
    },
  });
  const found = { ...findingsOf({}, both), environment };
  const words = (markup: string) => markup.replaceAll(/<[^>]*>/g, '');

  it('are part of the names in pictures, and of strategies that are ruled out', async () => {
    const [runOrder] = charts.filter(({ name }) => name === 'run-order');
    const drawn = JSON.stringify(runOrder?.spec(chartData(found)));
    assert.match(drawn, / docs thread-pool \(4 per worker\) × \d/);
    const page = words(pageOf(found, []));
    assert.match(page, /ruled out, since [^:]*: sequential, thread-pool and thread-pool \(4 per worker\)\./);
  });

  it('are part of the name of the one to use at a number of workers', () => {
    const drawn = chartData(
      findingsOf({
        strategies: ['sequential', 'thread-pool'],
        workers: [2],
        change: ({ strategy }) => (strategy === 'thread-pool' ? { per_worker: 4, wall_ms: 10 } : {}),
      }),
    );
    const names = new Set(drawn.summaries.map(({ strategy }) => strategy));
    assert.ok(drawn.winners.some(({ strategy }) => strategy === 'thread-pool (4 per worker)'));
    for (const { strategy } of drawn.winners) assert.ok(names.has(strategy), strategy);
  });

  it('are named on the page where pick has not measured a configuration', () => {
    const said = '1 configuration was not measured: queue (8 per worker) × 2. Nothing is shown about it';
    assert.ok(words(pageOf(found, [])).includes(said));
    assert.ok(words(pageOf(findingsOf({}, []), [])).includes('nothing is shown'));
    assert.ok(words(pageOf({ ...findingsOf({}, []), environment }, [])).includes(said));
  });
});

describe('projections', () => {
  const found = findingsOf({ rounds: 12, claims: 'verdicts' });
  const measured = found.projections.filter(({ model }) => model === 'measured');

  it('have the suggested cell of every workload and corpus, with the interval of a new run', () => {
    assert.deepEqual(
      measured.map(({ corpus, strategy, workers }) => [corpus, strategy, workers]),
      found.conclusions.map(({ corpus, choice }) => [corpus, choice.strategy, choice.workers]),
    );
    for (const row of measured) {
      assert.ok(row.hours_low < row.hours && row.hours < row.hours_high);
      assert.equal(row.machines, Math.ceil(row.hours / row.deadline_hours));
      const cell = found.summaries.find(
        (one) => one.corpus === row.corpus && one.strategy === row.strategy && one.workers === row.workers,
      );
      const mean = (cell?.documents_per_second_high as number) / (cell?.documents_per_second_low as number);
      const next = row.documents_per_second_high / row.documents_per_second_low;
      const wide = Math.hypot(Math.sqrt(13) * Math.log(mean), 2 * 1.96 * 0.05);
      assert.ok(
        Math.abs(Math.log(next) - wide) < 1e-6,
        'as wide as √(n + 1) intervals of the mean, and what runs differ by',
      );
    }
  });

  it('never reach beyond twice the largest number of workers that was measured', () => {
    for (const row of findingsOf({
      workloads: { 'llm-extract': 'io' },
      workers: [1, 2, 4, 8],
      rounds: 12,
      strategies: few,
    }).projections)
      assert.ok(row.workers <= 16);
  });
});

describe('report.md', () => {
  it('stays under 60 lines, however large the run', async () => {
    const found = findingsOf({
      workloads: Object.fromEntries(
        Array.from({ length: 12 }, (_, i) => [`workload-${i}`, i % 2 ? 'io' : 'cpu']),
      ),
      corpora: { '1KB': 1e3, '10KB': 1e4, '100KB': 1e5 },
      strategies: ['sequential', ...Array.from({ length: 10 }, (_, i) => `strategy-${i}`)],
      workers: [2],
      change: ({ order }) =>
        order % 9 === 0 ? { status: 'failed', reason: `broken\n${order}`, documents_per_second: null } : {},
    });
    const markdown = markdownReport(
      found,
      charts.map((chart) => ({ chart })),
    );
    assert.ok(markdown.split('\n').length < 60, `${markdown.split('\n').length} lines`);
    assert.match(markdown, /7 more workloads/);
  });
});

describe('side by side', () => {
  it('has a column a run, and leaves blank what a run has not measured', () => {
    const [all, few] = [
      findingsOf({}),
      findingsOf({ corpora: { '10KB': 10_000 }, strategies: ['sequential', 'queue'] }),
    ];
    const { runs, cells } = sideBySide([all, few]);
    assert.equal(runs.groups[0]?.length, 2);
    assert.deepEqual(cells.header.slice(3), ['A', 'B']);
    const rows = cells.groups.flat();
    assert.ok(rows.every((row) => row.length === 5));
    assert.ok(rows.filter(([, corpus]) => corpus === '100KB').every((row) => row[3] !== '' && row[4] === ''));
    assert.ok(
      rows.some(([, corpus, strategy, , b]) => corpus === '10KB' && strategy === 'queue' && b !== ''),
    );
    assert.match(
      sideBySideMarkdown(sideBySide([all, few])),
      /\| workload \| documents \| strategy \| A \| B \|/,
    );
  });
});

describe('markup', () => {
  it('is made of escaped values, whatever they are', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const made = html`<p title="${text}">${text}</p>`.markup;
        assert.doesNotMatch(made.slice('<p title="'.length, -'</p>'.length).replace('">', ''), /[<>"]/);
      }),
    );
  });

  it('a script of data cannot be ended by the data', () => {
    const data = { name: '</script><script>alert(1)</script><!--' };
    const { markup } = jsonScript('x', data);
    assert.equal(markup.split('<').length - 1, 2);
    assert.deepEqual(JSON.parse(markup.replace(/^<[^>]*>/, '').replace(/<[^<]*$/, '')), data);
  });
});
