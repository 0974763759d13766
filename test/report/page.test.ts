import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { encodeHeader, encodeRows } from '../../bench/tables/csv.js';
import { trialTable } from '../../bench/tables/trial-columns.js';
import { charts } from '../../plots/index.js';
import { environmentOf, type RunChoice, trialsOf } from '../runs.js';
import { cli } from '../support.js';

/** The report as a browser shows it. */

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const paths = (process.env.PATH ?? '')
  .split(delimiter)
  .flatMap((folder) => names.map((name) => join(folder, name)));
const executablePath = process.env.FORKWISE_CHROMIUM ?? paths.find((path) => existsSync(path));
const missing =
  executablePath === undefined ? 'no Chromium on this machine: the report was opened in no browser' : false;
if (missing)
  console.error(`\n*** SKIPPED: ${missing}. Install chromium, or set FORKWISE_CHROMIUM to it. ***\n`);

const folder = mkdtempSync(join(tmpdir(), 'forkwise-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a run's folder with its report. */
async function reported(name: string, fill: (path: string) => void, ...flags: string[]): Promise<string> {
  const path = join(folder, name);
  fill(path);
  const { code, stderr } = await cli(['report', path, ...flags], folder);
  assert.ok(code === 0 || code === 4, stderr);
  return pathToFileURL(join(path, 'report.html')).href;
}

function made(choice: RunChoice): (path: string) => void {
  return (path) => {
    const trials = trialsOf(choice);
    mkdirSync(path);
    writeFileSync(join(path, 'environment.json'), JSON.stringify(environmentOf(trials, choice)));
    writeFileSync(join(path, 'trials.csv'), encodeHeader(trialTable) + encodeRows(trialTable, trials));
  };
}

const published = (path: string) =>
  cpSync(fileURLToPath(new URL('../../../results/reference', import.meta.url)), path, { recursive: true });

const few = ['sequential', 'thread-pool', 'partitioned'];
const evil = '"><img src=x onerror=window.hacked=1><script>window.hacked=1</script>\'</style>`';
const hostile: RunChoice = {
  workloads: { [evil]: 'cpu' },
  corpora: { [`10KB${evil}`]: 10_000, '</script><script>window.hacked=1</script>': 100_000 },
  strategies: ['sequential', `queue${evil}`, 'javascript:window.hacked=1'],
  change: ({ order }) =>
    order === 2
      ? { status: 'failed', reason: `<b onclick=window.hacked=1>${evil}</b>`, documents_per_second: null }
      : {},
  environment: { run_id: evil, command: `forkwise bench --docs '${evil}'`, profile: evil },
};

describe('report.html in Chromium', { skip: missing }, () => {
  let browser: Browser;
  const reports: Record<string, string> = {};
  before(async () => {
    browser = await chromium.launch({
      executablePath: executablePath as string,
      args: ['--no-sandbox', '--disable-gpu'],
    });
    reports.still = await reported('still', published, '--no-interactive');
    reports.lively = await reported('lively', made({ strategies: few }), '--interactive');
    reports.hostile = await reported('hostile', made(hostile), '--interactive');
    reports.empty = await reported(
      'empty',
      made({ strategies: few, change: () => ({ status: 'void', reason: 'x' }) }),
      '--interactive',
    );
  });
  after(async () => {
    await browser?.close();
  });

  interface Look {
    readonly colorScheme?: 'light' | 'dark';
    readonly javaScriptEnabled?: boolean;
  }

  /**
   * Opens a report, lets `use` look at it, and fails on anything the page complains about or asks the network
   * for.
   */
  async function open(
    name: string,
    { colorScheme = 'light', javaScriptEnabled = true }: Look,
    use: (page: Page) => Promise<void>,
  ) {
    const context = await browser.newContext({
      colorScheme,
      javaScriptEnabled,
      viewport: { width: 1280, height: 900 },
      offline: true,
    });
    try {
      const page = await context.newPage();
      const complaints: string[] = [];
      page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
      page.on('pageerror', (error) => complaints.push(String(error)));
      page.on('request', (request) => {
        if (request.url() !== reports[name] && !request.url().startsWith('data:'))
          complaints.push(`request: ${request.url()}`);
      });
      await page.goto(reports[name] as string);
      await use(page);
      assert.deepEqual(complaints, []);
    } finally {
      await context.close();
    }
  }

  // A page is opened once and changes its look, because opening one costs a second of CPU time.
  for (const name of ['still', 'lively', 'hostile', 'empty'])
    for (const javaScriptEnabled of [true, false]) {
      const script = javaScriptEnabled ? 'with' : 'without';
      it(`${name}, ${script} JavaScript, in light and dark, wide and narrow`, async () => {
        await open(name, { javaScriptEnabled }, async (page) => {
          assert.equal(
            await page.locator('figure svg[role="img"]').count(),
            charts.filter(({ optional }) => !optional).length,
          );
          assert.equal(await page.locator('h1').count(), 1);
          for (const colorScheme of ['light', 'dark'] as const) {
            await page.emulateMedia({ colorScheme });
            const [back, text] = (await page.evaluate(
              '(({ backgroundColor, color }) => ' +
                '[backgroundColor, color].map((c) => Number(c.match(/\\d+/)[0])))' +
                '(getComputedStyle(document.body))',
            )) as [number, number];
            assert.equal(back < text, colorScheme === 'dark', colorScheme);
          }
          for (const width of [1280, 390]) {
            await page.setViewportSize({ width, height: 900 });
            const overflow = await page.evaluate(
              'document.documentElement.scrollWidth - document.documentElement.clientWidth',
            );
            assert.ok(Number(overflow) <= 0, `${overflow} pixels too wide at ${width}`);
          }
          assert.equal(await page.evaluate('window.hacked ?? null'), null);
        });
      });
    }

  it('charts answer to the mouse, and a strategy that is ticked off leaves them', async () => {
    await open('lively', {}, async (page) => {
      const chart = page.locator('.chart[data-chart="trade-off"]');
      await chart.scrollIntoViewIfNeeded();
      await chart.locator('div svg').waitFor();
      assert.ok(await page.locator('.legend').isVisible());
      const symbols = () => chart.locator('path[fill="#00429d"]').count();
      const before = await symbols();
      assert.ok(before > 3);
      await chart.locator('path[fill="#00429d"]').first().hover({ force: true });
      await page.locator('.tooltip').waitFor();
      assert.match((await page.locator('.tooltip').textContent()) ?? '', /strategy: thread-pool/);
      await page.locator('.legend input[value="thread-pool"]').uncheck();
      await page.waitForFunction(
        `document.querySelectorAll('.chart[data-chart="trade-off"] path[fill="#00429d"]').length < ${before}`,
      );
      assert.ok((await symbols()) <= 1, 'only the symbol of the legend may be left');
      assert.ok((await chart.locator('path[fill="#aa4499"]').count()) > 3);
    });
  });

  it('every chart is drawn again with the names and the words of the still one', async () => {
    await open('lively', {}, async (page) => {
      for (const chart of await page.locator('.chart').all()) {
        await chart.scrollIntoViewIfNeeded();
        await chart.locator('div svg[role="img"] > title').waitFor({ state: 'attached' });
      }
      assert.equal(
        await page.locator('.chart div svg[role="img"]').count(),
        charts.filter(({ optional }) => !optional).length,
      );
    });
  });

  it('hostile names are text on the page', async () => {
    await open('hostile', {}, async (page) => {
      assert.equal(await page.title(), `forkwise run ${evil}`);
      assert.ok(((await page.locator('#verdict').textContent()) ?? '').includes(evil));
      assert.equal(await page.locator('main img, main b').count(), 0);
    });
  });

  it('a printer gets light pages without the legend', async () => {
    await open('lively', { colorScheme: 'dark' }, async (page) => {
      await page.emulateMedia({ media: 'print' });
      assert.equal(
        await page.evaluate('getComputedStyle(document.body).backgroundColor'),
        'rgb(255, 255, 255)',
      );
      assert.equal(await page.locator('.legend').isVisible(), false);
    });
  });
});
