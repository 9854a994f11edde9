/** The example application in a real browser, beside a real service: upload, webhook, picture, player. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { projectRoot } from '../../common/paths';
import { startApi, type Api } from '../api/support';
import { clipFolder, ffmpeg, picture, sound, X264 } from '../support/clips';
import { startStack, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage } from './browser';

const SECRET = 'sixteen bytes and some more';

/** A port that is free now: the service has to know before which address it may call. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describeInBrowser('examples/upload', () => {
  const clips = clipFolder();
  let stack: Stack;
  let api: Api;
  let example: ChildProcess;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let address: string;

  beforeAll(async () => {
    const port = await freePort();
    const host = `127.0.0.1:${port}`;
    stack = await startStack({
      DARKROOM_WEBHOOK_SECRET: SECRET,
      DARKROOM_CALLBACK_HOSTS: host,
      DARKROOM_PRIVATE_HOSTS: host,
    });
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker()]);
    example = spawn(process.execPath, [path.join(projectRoot(), 'dist', 'examples', 'upload', 'main.js')], {
      env: { PATH: process.env['PATH'], SERVICE_URL: api.url, DARKROOM_WEBHOOK_SECRET: SECRET, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    address = await new Promise((resolve) => createInterface({ input: example.stdout! }).once('line', resolve));
    ({ page, complaints } = await openPage(browser));
  });
  afterAll(async () => {
    example?.kill();
    await browser?.close();
    await api?.stop();
    await stack?.stop();
    clips.remove();
  });

  test('a photo becomes a <picture> with several sizes', async () => {
    const photo = sharp({ create: { width: 1300, height: 900, channels: 3, background: '#4a7c9b' } });
    await page.goto(address);
    await page.setInputFiles('input', {
      name: 'lake.jpg',
      mimeType: 'image/jpeg',
      buffer: await photo.jpeg().toBuffer(),
    });
    const states: string[] = [];
    page.on('response', (answer) => {
      if (answer.url().endsWith('/state'))
        void answer.text().then(
          (body) => states.push(body),
          () => undefined,
        );
    });
    await page.waitForSelector('picture img', { timeout: 60_000 });
    await page.waitForFunction(`document.querySelector('picture img').naturalWidth > 0`);
    expect(page.url()).toMatch(/\/media\/jobs~lake-[^/]+\/$/);
    // The webhook came: no answer was given because its time was up.
    expect(states).not.toContain('{"done":false}');
    expect(await page.locator('picture source').count()).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
  });

  test('a video becomes a player that plays', async () => {
    const clip = ffmpeg(`${picture('320x180', 2)} ${sound(2)} ${X264} -c:a aac`, clips.at('clip.mp4'));
    await page.goto(address);
    await page.setInputFiles('input', clip);
    await page.waitForSelector('video', { timeout: 120_000 });
    await page.evaluate(`document.querySelector('video').play()`);
    await page.waitForFunction(`document.querySelector('video').currentTime > 0.3`);
    expect(complaints).toEqual([]);
  });

  test('what is no media says why, and a webhook that is not signed is refused', async () => {
    await page.goto(address);
    await page.setInputFiles('input', {
      name: 'cut.jpg',
      mimeType: 'image/jpeg',
      buffer: Buffer.from('ffd8ffe000104a46', 'hex'),
    });
    await page.waitForSelector('[role=alert]', { timeout: 60_000 });
    expect(await page.textContent('[role=alert]')).toMatch(/\.$/);
    const forged = await fetch(`${address}/hooks`, { method: 'POST', body: '{"type":"job.succeeded","job":"x"}' });
    expect(forged.status).toBe(403);
  });
});
