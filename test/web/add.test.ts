/** Adding files in a real browser: what is on its way can be stopped, sent again, named and taken from elsewhere. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { projectRoot } from '../../common/paths';
import { photo, startApi, type Api } from '../api/support';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, faultsOfLooks, launch, openPage, seriousViolations } from './browser';

describeInBrowser('adding files', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let presets: string;

  beforeAll(async () => {
    stack = await startStack();
    presets = path.join(stack.home, 'presets');
    cpSync(path.join(projectRoot(), 'presets'), presets, { recursive: true });
    [api, browser] = await Promise.all([
      startApi(stack, { DARKROOM_PRESETS_DIR: presets }),
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

  test('a page that is left in mid-upload goes on where it was when the same file is chosen again', async () => {
    const file = path.join(stack.home, 'in', 'large.png');
    const noise = { type: 'gaussian', mean: 128, sigma: 60 } as const;
    await sharp({ create: { width: 1500, height: 1400, channels: 3, background: 'red', noise } })
      .png()
      .toFile(file);
    const offsets: number[] = [];
    let held = false;
    const answered = new Set<number>();
    await page.route('**/v1/uploads/**', async (route) => {
      const offset = new URL(route.request().url()).searchParams.get('offset');
      if (offset === null) return route.continue();
      offsets.push(Number(offset));
      // The third part never comes.
      if (!held && offsets.length > 2) return void (held = true);
      const response = await route.fetch();
      if (response.ok()) answered.add(Number(offset));
      await route.fulfill({ response });
    });
    await page.locator('.drop-zone input').setInputFiles(file);
    await until(async () => held, 200);
    const kept = offsets[2] ?? 0;
    expect([offsets[0], kept > 1024 * 1024]).toEqual([0, true]);
    page.once('dialog', (dialog) => void dialog.accept());
    await page.reload();
    await entry('large.png').getByText('Choose the file again').waitFor();
    await page.getByText('1 left unsent: choose them again, what was uploaded stays').waitFor();
    expect(await faultsOfLooks(page)).toEqual([]);
    offsets.length = 0;
    await page.locator('.drop-zone input').setInputFiles(file);
    await entry('large.png').getByText('Done').waitFor();
    expect(offsets[0]).toBe(kept);
    expect(new Set(offsets).size).toBe(answered.size - 2);
    expect(await page.locator('.entry').count()).toBe(1);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    await page.reload();
    expect(await page.locator('.entry').count()).toBe(0);
  });

  test('a preset that makes nothing of a file says so before the file is sent', async () => {
    const sent: string[] = [];
    page.on('request', (request) => request.method() === 'PUT' && sent.push(request.url()));
    await page.getByRole('radio', { name: /^stream for/ }).check({ force: true });
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

  test('each preset is shown with what its fields do; an edited file is read again, and a mistake is shown with its place', async () => {
    const file = path.join(presets, 'mine.yaml');
    writeFileSync(file, 'image:\n  renditions: [{ name: small, format: webp, width: 320, quality: 70 }]\n');
    await page.goto(`${api.url}/#/presets`);
    await page.locator('.preset-list li').first().waitFor();
    await page.getByRole('link', { name: 'mine', exact: true }).click();
    const field = (name: string) => page.getByRole('row', { name: new RegExp(`^${name} `) });
    await field('width').waitFor();
    expect(await field('width').innerText()).toMatch(/px\s+\S.*\w/);
    expect(await field('animation').innerText()).toMatch(/first\s+keep lets renditions of animated sources move/);
    expect(await page.locator('.preset-entries').innerText()).toMatch(/small\s*format webp\s*width 320\s*quality 70/);
    expect(await faultsOfLooks(page)).toEqual([]);
    writeFileSync(file, 'image:\n  renditions: [{ name: large, format: avif, width: 640 }]\n');
    await page.locator('.preset-entries', { hasText: /large\s*format avif/ }).waitFor();
    writeFileSync(file, 'image:\n  renditions: [{ name: large, format: avif, widht: 640 }]\n');
    await page.getByText(/presets\/mine\.yaml: image\.renditions\[0\].*widht/).waitFor();
    await page.getByRole('link', { name: 'Presets' }).last().click();
    await page.getByRole('heading', { name: 'The preset mine cannot be used' }).waitFor();
    expect(await faultsOfLooks(page)).toEqual([]);
    await page.goto(`${api.url}/#/preset/nothing`);
    await page.getByText('There is no preset “nothing”').waitFor();
  });
});
