/** The page in a real browser, on the real service with a real worker. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import type { Manifest } from '../../common/contracts';
import { fileUri } from '../../storage';
import { patterned, photo, startApi, type Api } from '../api/support';
import { clipFolder, ffmpeg, picture, sound, X264 } from '../support/clips';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, dropFiles, faultsOfLooks, launch, openPage, seriousViolations } from './browser';

const LONG = { timeout: 45_000 };
const HOSTILE = '<img src=x onerror=alert(1)>.jpg';

describeInBrowser('the page', () => {
  const clips = clipFolder();
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack({ TEMPORAL_UI_URL: 'http://127.0.0.1:1' });
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker()]);
    ({ page, complaints } = await openPage(browser));
    page.setDefaultTimeout(LONG.timeout);
    await page.goto(api.url);
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
    clips.remove();
  });

  const open = (hash: string) => page.goto(`${api.url}/${hash}`);

  test('dropped files are uploaded, processed and shown; their names are never markup', async () => {
    await page.getByText('Nothing here yet').waitFor();
    const noise = { create: { width: 800, height: 600, channels: 3, background: '#864' } } as const;
    const still = await sharp(noise).jpeg().toBuffer();
    const clip = ffmpeg(`${picture('640x360', 3)} ${sound(3)} ${X264} -c:a aac`, clips.at('clip.mp4'));
    await dropFiles(page, [
      { name: HOSTILE, type: 'image/jpeg', bytes: still },
      { name: 'clip.mp4', type: 'video/mp4', bytes: readFileSync(clip) },
    ]);
    await page.getByRole('heading', { name: 'Your files' }).waitFor();
    await expect(page.locator('.entry-completed').nth(1).waitFor(LONG)).resolves.toBeUndefined();
    expect(await page.locator('.entry-name img').count()).toBe(0);
    expect(await page.locator('.entry-name').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringContaining(HOSTILE)]),
    );
  });

  test('an item shows its files, its steps and its run, and the video plays', async () => {
    await page.getByRole('link', { name: 'clip.mp4' }).click();
    await page.getByRole('heading', { name: 'clip.mp4' }).waitFor();
    await page.getByRole('row', { name: /360p/ }).waitFor();
    await page.locator('.step-name').getByText('video', { exact: true }).waitFor();
    expect(await page.getByRole('link', { name: 'Run in Temporal' }).getAttribute('href')).toContain('/workflows/');
    await page.getByRole('button', { name: 'Sound off' }).click();
    await page.getByRole('button', { name: 'Play' }).click();
    await until(async () => Number(await page.evaluate(`document.querySelector('video').currentTime`)) > 0.5);
    const frames = `document.querySelector('video').getVideoPlaybackQuality().totalVideoFrames`;
    expect(await page.evaluate(frames)).toBeGreaterThan(5);
    const snippet = await page.locator('.markup code').innerText();
    expect(snippet).toMatch(
      /^<video controls [^]*<source src="http:[^"]*720p[^]*<\/video>$|^<video controls [^]*<source src="http:[^"]*360p[^]*<\/video>$/,
    );
    const [, first = ''] = /<source src="([^"]+)"/.exec(snippet) ?? [];
    expect((await fetch(first)).headers.get('content-type')).toBe('video/mp4');
  });

  test('scrubbing shows the tile of the sprite that stands for that time', async () => {
    await page.getByRole('slider', { name: 'Position' }).hover();
    const tile = page.locator('.preview-tile');
    await tile.waitFor();
    expect(await tile.evaluate((element) => element.getAttribute('style'))).toMatch(/sprite.*\.jpg/);
  });

  test('the silent video of an animation runs on the page of its item', async () => {
    const frames = ['#f00', '#00f'].map((background) =>
      sharp({ create: { width: 64, height: 48, channels: 3, background } })
        .png()
        .toBuffer(),
    );
    const gif = path.join(stack.home, 'in', 'moving.gif');
    mkdirSync(path.dirname(gif), { recursive: true });
    await sharp(await Promise.all(frames), { join: { animated: true } })
      .gif({ delay: [300, 300] })
      .toFile(gif);
    const preset = { image: { animation: 'keep', renditions: [{ name: 'film', format: 'mp4', width: 64 }] } };
    await api.call('POST', '/v1/batches', { id: 'moves', jobs: [{ id: 'moving', source: fileUri(gif), preset }] });
    await open('#/item/moves~moving');
    await page.locator('video').waitFor();
    const shown = `(({ videoWidth, currentTime }) => videoWidth === 64 && currentTime > 0)(document.querySelector('video'))`;
    await until(async () => (await page.evaluate(shown)) === true);
  });

  test('a failure says why in plain words, and runs again on request', async () => {
    const missing = path.join(stack.home, 'in', 'later.jpg');
    const jobs = [
      { source: fileUri(missing) },
      { source: await photo(stack, 'there'), id: 'there', metadata: { album: 'summer' } },
    ];
    await api.call('POST', '/v1/batches', { id: 'second-try', jobs });
    await open('#/batch/second-try');
    await page.getByRole('radio', { name: /Failed/ }).check({ force: true });
    const card = page.getByRole('listitem').filter({ hasText: 'later.jpg' });
    await card.getByText('The file does not exist').waitFor();
    await photo(stack, 'later');
    await card.getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('radio', { name: /Done/ }).check({ force: true });
    await page.getByRole('link', { name: /later\.jpg.*done in/ }).waitFor();
  });

  test('the keyboard walks over the wall and into an item', async () => {
    await open('#/batch/second-try');
    await page.locator('[data-index="0"]').focus();
    await page.keyboard.press('ArrowRight');
    await page.locator('[data-index="1"]:focus').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Files' }).waitFor();
  });

  test('the snippet of a picture is copied as it is shown, beside the colours of the picture', async () => {
    await open('#/item/second-try~there');
    const { body } = await api.call('GET', '/v1/jobs/second-try~there');
    const { picture, placeholder } = (body as { manifest: Manifest }).manifest;
    expect(picture?.html).toMatch(/^<picture>[^]*<\/picture>$/);
    // What is under test is what the page hands over, and not whether this browser may.
    await page.evaluate(`navigator.clipboard.writeText = (text) => Promise.resolve(void (window.copied = text))`);
    await page.getByRole('button', { name: 'Copy HTML' }).click();
    await page.getByText('Copied', { exact: true }).waitFor();
    expect(await page.evaluate('window.copied')).toBe(picture?.html);
    expect(await page.locator('.markup code').innerText()).toBe(picture?.html);
    expect(await page.locator('.palette li').allInnerTexts()).toEqual(
      placeholder?.palette?.map((colour) => expect.stringContaining(colour) as string),
    );
  });

  test('a source and its renditions are compared px for px, with a divider that the keyboard moves', async () => {
    await open('#/item/second-try~there');
    expect(await page.locator('.metadata').innerText()).toMatch(/album\s+summer/);
    await page.getByText('priority 3').waitFor();
    await page.getByRole('button', { name: 'Compare at 100 %' }).click();
    const divider = page.getByRole('slider', { name: 'Divider' });
    const right = page.getByAltText(/^Right: /);
    await page.getByAltText('Left: source').waitFor();
    const shown = await right.evaluate((img: { naturalWidth: number; clientWidth: number }) => [
      img.naturalWidth,
      img.clientWidth,
    ]);
    expect(shown[0]).toBeGreaterThan(0);
    expect(shown[1]).toBe(shown[0]);
    const clip = () =>
      right.evaluate((img: { style: { clipPath: string } }) => Number(/([\d.]+)px\)$/.exec(img.style.clipPath)?.[1]));
    const middle = await clip();
    await divider.focus();
    await page.keyboard.press('ArrowRight');
    await until(async () => (await clip()) > middle);
    await page.keyboard.press('Home');
    await until(async () => (await clip()) === 0);
    expect(await divider.getAttribute('aria-valuetext')).toMatch(/^0 % source, 100 % (webp|jpeg)-/);
    await page.getByLabel('Left', { exact: true }).selectOption('webp-640');
    await page.getByAltText('Left: webp-640').waitFor();
    expect(await faultsOfLooks(page)).toEqual([]);
    await page.getByRole('link', { name: 'web', exact: true }).click();
    await page.getByRole('heading', { name: 'image.renditions' }).waitFor();
  });

  test('pictures that look alike stand beside each other when one asks for them', async () => {
    const jobs = [
      { source: await patterned(stack, 'hill', 600, 90), id: 'hill' },
      { source: await patterned(stack, 'hill-small', 150, 50), id: 'hill-small' },
    ];
    await api.call('POST', '/v1/batches', { id: 'alike', jobs });
    await until(async () => (await api.call('GET', '/v1/batches/alike')).body.succeeded === 2, 300);
    await open('#/batch/alike');
    await page.getByText('Look-alikes').click();
    await page.getByText('2 images were compared; 1 group looks alike.').waitFor();
    const group = page.getByRole('list', { name: '2 pictures that look alike' });
    await until(async () => (await group.locator('.picture.is-loaded').count()) === 2);
    expect(await seriousViolations(page)).toEqual([]);
    await group.getByRole('link', { name: 'hill-small.jpg' }).click();
    await page.getByRole('heading', { name: 'hill-small.jpg' }).waitFor();
  });

  test.each(['light', 'dark'] as const)('axe finds nothing serious in %s colours', async (colorScheme) => {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    const gone = { source: fileUri(path.join(stack.home, 'in', 'gone.jpg')), batch: 'second-try', id: 'gone' };
    expect(await api.call('POST', '/v1/jobs?wait=30s', gone)).toMatchObject({ body: { state: 'failed' } });
    const found: Record<string, unknown> = {};
    for (const [name, hash, ready] of [
      ['batches', '#/', '.row-link'],
      ['batch', '#/batch/second-try', '.card-link'],
      ['picture', '#/item/second-try~there', 'tbody tr'],
      ['failure', '#/item/second-try~gone', '.reason'],
      ['add', '#/add', '.presets label'],
    ] as const) {
      await open(hash);
      await page.locator(ready).first().waitFor();
      found[name] = await seriousViolations(page);
    }
    expect(found).toEqual({ batches: [], batch: [], picture: [], failure: [], add: [] });
  });

  test('of 10,000 items only those in view are drawn, wherever one scrolls to', async () => {
    // Made by the test: what is looked at here is the drawing.
    const total = 10_000;
    const figures = { id: 'big', items: total, open: 0, succeeded: total, failed: 0, cancelled: 0, itemsPerSecond: 0 };
    const item = (at: number) => ({
      ...{ id: `big~${at}`, state: 'succeeded', kind: 'image', preset: 'web', source: `file:///big/${at}.jpg` },
      ...{ startedAt: '2026-01-01T00:00:00Z', closedAt: '2026-01-01T00:00:01Z', links: {} },
    });
    await page.route('**/v1/batches/big', (route) =>
      route.fulfill({ json: { ...figures, latencyMs: { sample: 0 }, unserved: [], links: {} } }),
    );
    await page.route('**/v1/batches/big/items?**', (route) => {
      const query = new URL(route.request().url()).searchParams;
      const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit'))];
      const items = Array.from({ length: Math.min(limit, total - from) }, (_, index) => item(from + index));
      const next = from + limit < total ? String(from + limit) : undefined;
      return route.fulfill({ json: { items, next } });
    });
    await open('#/batch/big');
    await page.getByRole('link', { name: /^0\.jpg/ }).waitFor();
    const scroll = (to: string) => page.evaluate(`scrollTo(0, ${to})`);
    await scroll('document.body.scrollHeight / 2');
    await page.locator('.card-link').nth(10).waitFor();
    await scroll('document.body.scrollHeight');
    const last = page.getByRole('link', { name: /^9999\.jpg/ });
    await last.waitFor();
    expect(await last.locator('..').getAttribute('aria-posinset')).toBe('10000');
    expect(await page.locator('.card').count()).toBeLessThan(80);
  });

  test('nothing was refused by the policy, and no script failed', () => {
    expect(complaints.filter((text) => !/status of 404/.test(text))).toEqual([]);
  });
});
