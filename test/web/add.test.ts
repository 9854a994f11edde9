/** Adding files in a real browser: what is on its way can be stopped, sent again, named and taken from elsewhere. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { photo, startApi, type Api } from '../api/support';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage, seriousViolations } from './browser';

describeInBrowser('adding files', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack();
    [api, browser] = await Promise.all([
      startApi(stack),
      launch(),
      stack.worker({ DARKROOM_POOLS: 'workflows,image' }),
    ]);
    ({ page, complaints } = await openPage(browser, { viewport: { width: 390, height: 844 } }));
    page.setDefaultTimeout(45_000);
    await page.goto(`${api.url}/#/add`);
    await page.getByText('for video', { exact: true }).first().waitFor();
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
  });

  /** A browser asks the person when the event is prevented. */
  const asksBeforeLeaving = `!dispatchEvent(new Event('beforeunload', { cancelable: true }))`;
  /** Made once: a file that is written again is another one to the browser. */
  const chosen = new Map<string, Promise<string>>();
  const choose = async (...names: string[]) => {
    for (const name of names) chosen.set(name, chosen.get(name) ?? photo(stack, name));
    const files = await Promise.all(names.map(async (name) => (await chosen.get(name)) ?? ''));
    await page.locator('.drop-zone input').setInputFiles(files.map((uri) => fileURLToPath(uri)));
  };
  const entry = (name: string) => page.locator('.entry').filter({ hasText: name });
  const jobsOf = async (batch: string) =>
    (await api.call('GET', `/v1/jobs?batch=${batch}`)).body.items.map(({ source }: { source: string }) =>
      path.posix.basename(new URL(source).pathname),
    );

  test('an upload can be cancelled, and sent again; leaving before it is sent asks', async () => {
    await page.route('**/v1/uploads/**', () => undefined);
    await choose('held');
    await entry('held.jpg')
      .getByText(/^Uploading/)
      .waitFor();
    expect(await page.evaluate(asksBeforeLeaving)).toBe(true);
    await entry('held.jpg').getByRole('button', { name: 'Cancel' }).click();
    await entry('held.jpg').getByText('Cancelled').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await entry('held.jpg').getByRole('button', { name: 'Retry' }).click();
    await entry('held.jpg').getByText('Done').waitFor();
    expect(await page.evaluate(asksBeforeLeaving)).toBe(false);
  });

  test('the same file again is no second upload', async () => {
    await choose('held', 'other');
    await entry('other.jpg').getByText('Done').waitFor();
    expect(await page.locator('.entry').count()).toBe(2);
    await page.getByText('2 of 2 done').waitFor();
  });

  test('a preset that makes nothing of a file says so before the file is sent', async () => {
    const sent: string[] = [];
    page.on('request', (request) => request.method() === 'PUT' && sent.push(request.url()));
    await page.getByRole('radio', { name: /^stream/ }).check({ force: true });
    await choose('mismatch');
    await entry('mismatch.jpg').getByText('The preset “stream” is for video only; choose another one.').waitFor();
    expect(sent).toEqual([]);
    await entry('mismatch.jpg').getByRole('button', { name: 'Remove' }).click();
    await until(async () => (await entry('mismatch.jpg').count()) === 0);
    await page.getByRole('radio', { name: /^web/ }).check({ force: true });
  });

  test('an address and a folder go into the batch that is named', async () => {
    const source = await photo(stack, 'elsewhere');
    await page.getByLabel('Batch').fill('trip');
    await page.getByLabel('Address of a file').fill(source);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await entry('elsewhere.jpg').getByText('Done').waitFor();
    await Promise.all([photo(stack, 'album/one'), photo(stack, 'album/deep/two')]);
    const folder = path.join(stack.home, 'in', 'album');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'Thumbs.db'), 'x');
    await page.locator('input[webkitdirectory]').setInputFiles(folder);
    await entry('two.jpg').getByText('Done').waitFor();
    await entry('one.jpg').getByText('Done').waitFor();
    await until(async () => (await jobsOf('trip')).length === 3, 200);
    expect((await jobsOf('trip')).sort()).toEqual(['elsewhere.jpg', 'one.jpg', 'two.jpg']);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await seriousViolations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
