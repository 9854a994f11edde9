/** The pages at the width of a phone, in a real browser: nothing is wider than the screen, and a thumb can seek. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { fileUri } from '../../storage';
import { photo, startApi, type Api } from '../api/support';
import { ffmpeg, picture, sound, X264 } from '../support/clips';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage, seriousViolations } from './browser';

describeInBrowser('on a phone', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  const batch = 'a-batch-with-a-name-that-is-as-long-as-those-that-commands-make-65b92365';

  beforeAll(async () => {
    stack = await startStack();
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker()]);
    ({ page } = await openPage(browser, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }));
    page.setDefaultTimeout(45_000);
    const clip = path.join(stack.home, 'in', 'clip.mp4');
    mkdirSync(path.dirname(clip), { recursive: true });
    ffmpeg(`${picture('640x360', 6)} ${sound(6)} ${X264} -c:a aac`, clip);
    await api.call('POST', '/v1/jobs?wait=60s', { source: fileUri(clip), id: 'clip', batch });
    await api.call('POST', '/v1/jobs?wait=60s', { source: await photo(stack, 'photo'), id: 'photo', batch });
    const missing = fileUri(path.join(stack.home, 'in', 'gone.jpg'));
    await api.call('POST', '/v1/jobs?wait=60s', { source: missing, id: 'gone', batch });
    await until(async () => (await api.call('GET', `/v1/batches/${batch}`)).body.items === 3, 200);
  }, 180_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
  });

  test.each([
    ['the batches', '#/', '.row-link'],
    ['a batch', `#/batch/${batch}`, '.card-link'],
    ['a picture', `#/item/${batch}~photo`, 'tbody tr'],
    ['a video', `#/item/${batch}~clip`, 'tbody tr'],
    ['a failure', `#/item/${batch}~gone`, '.reason'],
    ['adding files', '#/add', '.presets label'],
  ])('%s: no scrolling sideways, and axe finds nothing', async (_, hash, ready) => {
    await page.goto(`${api.url}/${hash}`);
    await page.locator(ready).first().waitFor();
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    const wider = `[...document.querySelectorAll('.table-frame')].filter((each) => each.scrollWidth > each.clientWidth).length`;
    expect(await page.evaluate(wider)).toBe(0);
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('a film in ten thousand chunks: a strip for each group of rungs, in few pieces, and in words', async () => {
    const states = `${'d'.repeat(4000)}R${'r'.repeat(3)}f${'w'.repeat(995)}`;
    const groups = [
      { rungs: '360p, 480p', states },
      { rungs: '1080p', states: 'w'.repeat(5000) },
    ];
    const progress = { state: 'running', step: '', percent: 40, steps: [], encoderFailures: 0, chunks: { groups } };
    const job = {
      ...{ id: 'films~long', batch: 'films', state: 'running', kind: 'video', preset: 'stream', tenant: 'default' },
      ...{
        source: 'file:///in/long.mp4',
        startedAt: new Date().toISOString(),
        attempt: 1,
        pending: [],
        links: {},
        progress,
      },
    };
    await page.route('**/v1/jobs/films~long', (route) => route.fulfill({ json: job }));
    await page.route('**/v1/jobs/films~long/steps', (route) => route.fulfill({ json: { steps: [] } }));
    await page.route('**/v1/jobs/films~long/events', (route) => route.abort());
    await page.goto(`${api.url}/#/item/films~long`);
    const strip = page.locator('.chunks li').first();
    await strip.waitFor();
    expect(await page.locator('.chunks-words').allInnerTexts()).toEqual([
      '4000 of 5000 chunks done, 3 running, 1 tried again, 995 waiting, 1 failed',
      '0 of 5000 chunks done, 5000 waiting',
    ]);
    expect(await strip.locator('.piece').count()).toBeLessThan(10);
    const failed = await strip.locator('.piece-failed').boundingBox();
    expect(failed?.width).toBeGreaterThanOrEqual(3);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await seriousViolations(page)).toEqual([]);
  });

  test('a tap on the scrubber goes there', async () => {
    await page.goto(`${api.url}/#/item/${batch}~clip`);
    const scrubber = page.getByRole('slider', { name: 'Position' });
    await until(async () => Number(await page.evaluate(`document.querySelector('video')?.readyState ?? 0`)) >= 1);
    await scrubber.scrollIntoViewIfNeeded();
    const box = (await scrubber.boundingBox())!;
    expect(box.width).toBeGreaterThan(250);
    expect(box.height).toBeGreaterThanOrEqual(44);
    await page.touchscreen.tap(box.x + box.width / 2, box.y + box.height / 2);
    await until(async () => Number(await page.evaluate(`document.querySelector('video').currentTime`)) > 2);
  });
});
