/** The start page in a real browser, while Temporal is there and while it is not. */
import type { Browser, Page } from 'playwright-core';
import { runMaintenance } from '../../starter/core/maintenance';
import { photo, startApi, type Api } from '../api/support';
import { Line } from '../support/line';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage, seriousViolations } from './browser';

describeInBrowser('the start page', () => {
  let stack: Stack;
  let line: Line;
  let api: Api;
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack();
    line = new Line(Number(stack.config.temporalAddress?.split(':')[1]));
    await line.join();
    [api, browser] = await Promise.all([
      startApi(stack, { TEMPORAL_ADDRESS: `127.0.0.1:${line.port}` }),
      launch(),
      stack.worker({ DARKROOM_POOLS: 'workflows,image' }),
    ]);
    ({ page } = await openPage(browser));
    page.setDefaultTimeout(45_000);
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await line.cut().catch(() => undefined);
    await stack.stop();
  });

  const figures = () => page.locator('.stat dd').evaluateAll((all) => all.map((each) => each.firstChild?.textContent));
  const unknown = ['—', '—', '—', '—', '—'];

  test('what has not been answered is unknown, not 0', async () => {
    await page.route('**/v1/throughput?**', () => undefined);
    await page.goto(api.url);
    await page.getByText('Nothing here yet').waitFor();
    expect(await figures()).toEqual(unknown);
    expect(await page.locator('.chart .scale').count()).toBe(0);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  });

  test('figures are of the whole pipeline, and what was answered stays with its time when Temporal goes away', async () => {
    const source = await photo(stack, 'one');
    expect(await api.call('POST', '/v1/jobs?wait=30s', { source })).toMatchObject({ body: { state: 'succeeded' } });
    await until(async () => (await api.call('GET', '/v1/throughput')).body.latencyMs.sample === 1, 300);
    await page.goto(api.url);
    await page.getByText(/^95 % within/).waitFor();
    const [backlog, rate, left, latency, failed] = await figures();
    expect([backlog, left, failed]).toEqual(['0', '—', '0']);
    expect(Number(rate)).toBeGreaterThan(0);
    expect(latency).toMatch(/ s$/);
    await line.cut();
    await page.getByText(/Temporal .* What you see is from \d/).waitFor();
    expect((await figures())[3]).toBe(latency);
  });

  test('while Temporal is away the header and the notice say so in plain words, and nothing is shown as 0', async () => {
    await until(async () => (await api.call('GET', '/ready')).status === 503, 200);
    await page.reload();
    await page.getByText('Temporal away').waitFor();
    await page.getByText(/Temporal cannot be reached; nothing was lost/).waitFor();
    expect(await figures()).toEqual(unknown);
    expect(await page.locator('body').innerText()).not.toMatch(/deadline|metadata|UNAVAILABLE|ECONN|grpc/i);
    await line.join();
    await page.getByText('Ready', { exact: true }).waitFor();
    await page.getByText(/^95 % within/).waitFor();
  });

  test('the last maintenance is told in its heading, and unfolds: what each step found, and why one failed', async () => {
    await runMaintenance(stack.client, stack.config.queuePrefix, { cleanup: false, steps: ['queue', 'scratch'] });
    await until(async () => (await api.call('GET', '/v1/maintenance')).body.runs[0]?.steps?.length === 2, 200);
    await page.goto(api.url);
    const section = page.locator('details', { has: page.getByRole('heading', { name: 'Maintenance' }) });
    await section.getByText(/^\d\d:\d\d: 0 removed, next (\d+ \w+, )?\d\d:\d\d$/).waitFor();
    expect(await section.getByRole('table').isVisible()).toBe(false);
    await section.getByRole('heading').click();
    await section
      .getByRole('row', { name: /dry run, .* queue: 0 of 0 removed\. No queue of jobs is configured/ })
      .waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    const [startedAt, endedAt] = ['2026-01-05T03:17:00.000Z', '2026-01-05T03:18:40.000Z'];
    const figures = { found: 1200, removed: 1200, bytes: 5_000_000 };
    const steps = [
      { step: 'store', ...figures },
      { step: 'index', found: 0, removed: 0, bytes: 0, error: 'The store <b>does</b> not answer.' },
    ];
    const runs = [
      { startedAt, endedAt, cleanup: true, steps },
      { startedAt: '2026-01-04T03:17:00.000Z', endedAt },
    ];
    await page.route('**/v1/maintenance', (route) => route.fulfill({ json: { runs } }));
    await page.reload();
    await section.getByText(/: 1 step failed, none is planned$/).waitFor();
    await section.getByRole('heading').click();
    const rows = await section.getByRole('row').allInnerTexts();
    expect(rows[1]).toMatch(/cleanup, 1 min 40 s\s+store: 1,200 of 1,200 removed\.\s+index failed: The store <b>does</);
    expect(rows[1]).toMatch(/1,200\s+1,200\s+5\.0 MB$/);
    expect(rows[2]).toMatch(/stopped, .*\s+—\s+—\s+—$/);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  });

  test('every batch can be reached: by reading on, by its name and by what is in it; the address keeps it', async () => {
    const source = await photo(stack, 'listed');
    for (let index = 0; index < 24; index++) {
      const id = `${index % 2 === 0 ? 'even' : 'odd'}-${String(index).padStart(2, '0')}`;
      await api.call('POST', '/v1/batches', { id, preset: 'thumbnails', jobs: [{ source }] });
    }
    await until(async () => (await api.call('GET', '/v1/batches?limit=50')).body.batches.length === 25, 300);
    await until(async () => (await api.call('GET', '/v1/jobs?state=open')).body.items.length === 0, 300);
    await page.goto(api.url);
    const rows = page.locator('.row-link');
    await rows.nth(19).waitFor();
    expect(await rows.count()).toBe(20);
    await page.getByRole('button', { name: 'Show more batches' }).click();
    await rows.nth(24).waitFor();
    expect(new Set(await rows.allInnerTexts()).size).toBe(25);
    await page.getByRole('searchbox').fill('odd-1');
    await until(async () => (await rows.count()) === 5);
    expect((await rows.allInnerTexts()).sort()).toEqual(['odd-11', 'odd-13', 'odd-15', 'odd-17', 'odd-19']);
    await page.reload();
    await until(async () => (await rows.count()) === 5);
    expect(await page.getByRole('searchbox').inputValue()).toBe('odd-1');
    await page.getByLabel('Filter by state').selectOption('failed');
    await page.getByText('No batch is like that').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
  });
});
