/** Audio from end to end: a real server, a real worker, and the page in a real browser. */
import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { startApi, type Api } from '../api/support';
import { clipFolder, ffmpeg, sound } from '../support/clips';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, dropFiles, launch, openPage, seriousViolations } from './browser';

interface Job {
  id: string;
  kind: string;
  state: string;
  manifest?: { kind: string; source: { format: string }; renditions: { name: string }[] };
}

describeInBrowser('audio', () => {
  const clips = clipFolder();
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack();
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker()]);
    ({ page, complaints } = await openPage(browser));
    page.setDefaultTimeout(45_000);
    await page.goto(api.url);
    await page.getByText('Nothing here yet').waitFor();
    const cover = clips.at('cover.jpg');
    await sharp({ create: { width: 400, height: 400, channels: 3, background: '#268' } })
      .jpeg()
      .toFile(cover);
    const withCover = `${sound(4)} -i ${cover} -map 0 -map 1 -c:v copy -disposition:v attached_pic`;
    const song = ffmpeg(withCover, clips.at('song.mp3'));
    const talk = ffmpeg(`${sound(2)} -c:a ac3`, clips.at('talk.mp4'));
    await dropFiles(page, [
      { name: 'song.mp3', type: 'audio/mpeg', bytes: readFileSync(song) },
      { name: 'talk.mp4', type: 'video/mp4', bytes: readFileSync(talk) },
    ]);
    await page.locator('.entry-completed').nth(1).waitFor();
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
    clips.remove();
  });

  const jobs = async (query = ''): Promise<Job[]> => {
    const answer = await fetch(`${api.url}/v1/jobs${query}`);
    return ((await answer.json()) as { items: Job[] }).items;
  };

  test('both are items of the kind audio, also the MP4 that turned out to have no pictures', async () => {
    await until(async () => (await jobs('?kind=audio')).length === 2);
    expect(await jobs('?kind=video')).toEqual([]);
    for (const job of await jobs('?kind=audio')) {
      const { manifest } = (await (await fetch(`${api.url}/v1/jobs/${encodeURIComponent(job.id)}`)).json()) as Job;
      expect(manifest?.kind).toBe('audio');
      const poster = manifest?.source.format === 'mp3' ? ['poster'] : [];
      expect(manifest?.renditions.map(({ name }) => name)).toEqual([
        ...['aac-128', 'opus-96', 'waveform', 'peaks'],
        ...poster,
      ]);
    }
  });

  test('an item plays, over a waveform that takes one to any place in it', async () => {
    await page.getByRole('link', { name: 'song.mp3' }).click();
    await page.getByRole('heading', { name: 'song.mp3' }).waitFor();
    const audio = (what: string) => page.evaluate(`document.querySelector('audio').${what}`);
    await page.locator('audio').waitFor();
    await audio('play()');
    await until(async () => Number(await audio('currentTime')) > 0.3);
    expect(await audio('error')).toBeNull();
    expect(await audio('paused')).toBe(false);
    const waveform = page.getByAltText('Waveform');
    expect(await waveform.evaluate((image: { naturalWidth?: number }) => image.naturalWidth)).toBe(1280);
    await audio('pause()');
    const { width = 0, height = 0 } = (await waveform.boundingBox()) ?? {};
    await page.locator('.waveform').click({ position: { x: width * 0.75, y: height / 2 } });
    await until(async () => Math.abs(Number(await audio('currentTime')) - 3) < 0.2);
    await page.getByLabel('Rendition').selectOption('opus-96');
    await audio('play()');
    await until(async () => Number(await audio('currentTime')) > 0.3 && (await audio('error')) === null);
    await page.getByText(/LUFS, brought to -1[56]\.\d LUFS/).waitFor();
    await page.getByAltText('Cover').waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
