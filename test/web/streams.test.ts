/** Published videos in a real browser: on the page, and in the two players that most sites use. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import type { Manifest } from '../../common/contracts';
import { fileUri } from '../../storage';
import { startApi, type Api } from '../api/support';
import { ffmpeg, picture, sound, X264 } from '../support/clips';
import { filesInZip } from '../support/zip';
import { startStack, until, type Stack } from '../support/stack';
import { describeInBrowser, launch, openPage, seriousViolations } from './browser';

const HLS = 'application/vnd.apple.mpegurl';
const knowsHls = `document.createElement('video').canPlayType('${HLS}') !== ''`;
/** What many a browser says of HLS. */
const withoutHls = `{
  const { canPlayType } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.canPlayType = function (type) {
    return type === '${HLS}' ? '' : canPlayType.call(this, type);
  };
}`;
const SRT = '1\n00:00:00,500 --> 00:00:03,000\nA green field.\n\n2\n00:00:06,500 --> 00:00:07,500\nThe end.\n';

/** What both players answer: pictures went on, before and after a switch of the quality, and words were there. */
interface Played {
  /** px of the picture before and after the switch. */
  widths: number[];
  /** Pictures decoded by then. */
  frames: number[];
  seconds: number;
  languages: string[];
  words: string[];
}

/** Steps that are the same for both players: `switchUp`, `languages` and `showCaptions` are the players' own. */
const SCRIPT = `
  const video = document.body.appendChild(document.createElement('video'));
  video.muted = true;
  const until = async (what, is) => {
    for (let left = 400; !is(); left--) {
      if (left === 0) throw new Error(what + ' never came: ' + JSON.stringify(problems));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const problems = [];
  const decoded = () => video.getVideoPlaybackQuality().totalVideoFrames;
  const words = () => [...video.textTracks].flatMap(({ cues }) => [...(cues ?? [])].map(({ text }) => text));
  const watch = async ({ switchUp, languages, showCaptions }) => {
    await until('the first picture', () => video.videoWidth > 0);
    await video.play();
    await until('half a second', () => video.currentTime > 0.5 && decoded() > 5);
    const before = { width: video.videoWidth, frames: decoded() };
    showCaptions();
    await until('the words', () => words().length > 0);
    switchUp();
    await until('the other quality', () => video.videoWidth !== before.width);
    const frames = decoded();
    await until('more pictures', () => decoded() > frames + 5 && video.currentTime > 1);
    return { widths: [before.width, video.videoWidth], frames: [before.frames, decoded()], seconds: video.currentTime,
      languages: languages(), words: words() };
  };`;

describeInBrowser('published videos', () => {
  let stack: Stack;
  let api: Api;
  let browser: Browser;
  let source: string;
  let manifest: Manifest;
  let jobUrl: string;

  beforeAll(async () => {
    stack = await startStack();
    [api, browser] = await Promise.all([startApi(stack), launch(), stack.worker()]);
    const folder = path.join(stack.home, 'in');
    mkdirSync(folder, { recursive: true });
    const clip = ffmpeg(`${picture('854x480', 8)} ${sound(8)} ${X264} -c:a aac`, path.join(folder, 'stream.mp4'));
    writeFileSync(path.join(folder, 'stream.srt'), SRT);
    source = fileUri(clip);
    const inputs = [{ role: 'captions', language: 'en', source: fileUri(path.join(folder, 'stream.srt')) }];
    const job = { source, id: 'stream', preset: 'stream', inputs };
    const { body } = await api.call('POST', '/v1/jobs?wait=40s', job);
    expect(body).toMatchObject({ state: 'succeeded' });
    ({ manifest } = body as { manifest: Manifest });
    jobUrl = `${api.url}${(body as { links: { self: string } }).links.self}`;
  }, 120_000);
  afterAll(async () => {
    await browser.close();
    await api.stop();
    await stack.stop();
  });

  test.each([
    ['by the browser itself', false, /master\.m3u8$/],
    // Media Source Extensions: nobody but hls.js feeds the player so.
    ['by hls.js where the browser knows no HLS', true, /^blob:/],
  ])('a stream plays %s', async (_, ignorant, source) => {
    const stream = await openPage(browser);
    if (ignorant) await stream.page.addInitScript(withoutHls);
    else if (!(await stream.page.evaluate(knowsHls))) {
      process.stderr.write('Not tested: this browser has no HLS of its own.\n');
      return stream.page.close();
    }
    const fetched = new Set<string>();
    stream.page.on('response', (response) => {
      if (response.ok() && /\.m4s$/.test(response.url())) fetched.add(response.url());
    });
    await stream.page.goto(`${api.url}/#/item/jobs~stream`);
    await stream.page.getByRole('row', { name: /hls/ }).waitFor();
    const video = (what: string) => stream.page.evaluate(`document.querySelector('video').${what}`);
    await stream.page.getByRole('button', { name: 'Play' }).click();
    await until(async () => Number(await video('currentTime')) > 0.5);
    expect(await video('currentSrc')).toMatch(source);
    await video('currentTime = 6.5');
    await until(async () => Number(await video('currentTime')) > 7);
    expect(await video('getVideoPlaybackQuality().totalVideoFrames')).toBeGreaterThan(10);
    // Two of the picture and two of the sound, of one rung or of both.
    expect(fetched.size).toBeGreaterThanOrEqual(4);
    await stream.page.getByLabel('Rendition').selectOption({ label: '360p' });
    await until(async () => /360p-.*\.mp4$/.test(String(await video('currentSrc'))));
    await until(async () => Number(await video('currentTime')) > 7);
    expect(stream.complaints).toEqual([]);
    await stream.page.close();
  });

  test.each(['light', 'dark'] as const)('axe finds nothing serious in %s colours', async (colorScheme) => {
    const { page } = await openPage(browser);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.goto(`${api.url}/#/item/jobs~stream`);
    await page.getByRole('row', { name: /hls/ }).waitFor();
    expect(await seriousViolations(page)).toEqual([]);
    await page.close();
  });

  const addressOf = (type: string) =>
    `/v1/jobs/jobs~stream/files/${manifest.renditions.find(({ mime }) => mime === type)?.path ?? ''}`;

  /** Plays the stream with a player of others, on a page of their own at the same address. */
  async function playedBy(library: string, script: string): Promise<Played> {
    const { page, complaints } = await openPage(browser);
    await page.route('**/player', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>Player</title>' }),
    );
    await page.goto(`${api.url}/player`);
    await page.evaluate(readFileSync(library, 'utf8'));
    const played = await page.evaluate(`(async () => {${SCRIPT}${script}})()`);
    expect(complaints).toEqual([]);
    await page.close();
    return played as Played;
  }

  const expected = {
    ...{ widths: [640, 854], languages: ['en'], words: expect.arrayContaining(['A green field.']) as string[] },
    ...{ seconds: expect.any(Number) as number, frames: expect.any(Array) as number[] },
  };

  test('hls.js plays the stream, changes to the higher rung and shows the captions', async () => {
    const played = await playedBy(
      require.resolve('hls.js/dist/hls.min.js'),
      `const hls = new Hls({ enableWorker: false, startLevel: 0, renderTextTracksNatively: true });
      hls.on(Hls.Events.ERROR, (_, { details, fatal }) => problems.push({ details, fatal }));
      const { promise: ready, resolve } = Promise.withResolvers();
      hls.on(Hls.Events.MANIFEST_PARSED, () => resolve());
      hls.loadSource('${addressOf(HLS)}');
      hls.attachMedia(video);
      await ready;
      // The order of the levels is by bitrate.
      hls.currentLevel = 0;
      return watch({
        switchUp: () => (hls.currentLevel = hls.levels.length - 1),
        languages: () => hls.subtitleTracks.map(({ lang }) => lang),
        showCaptions: () => { hls.subtitleDisplay = true; hls.subtitleTrack = 0; },
      });`,
    );
    expect(played).toEqual(expected);
    expect(played.frames[1]).toBeGreaterThan(Number(played.frames[0]) + 5);
  });

  test('the archive holds every file that the playlists lead to', async () => {
    const inside = filesInZip(Buffer.from(await (await fetch(`${jobUrl}/archive`)).arrayBuffer()));
    const stream = manifest.renditions.find(({ role, segments }) => role === 'stream' && segments !== undefined)!;
    const folder = stream.path.replace(/[^/]*$/, '');
    const text = (name: string): string => inside.get(name)!.toString();
    const media = [...text(stream.path).matchAll(/^(?!#)(\S+\.m3u8)$|URI="([^"]+\.m3u8)"/gm)].map(
      ([, line, uri]) => folder + (line ?? uri ?? ''),
    );
    expect(media.length).toBeGreaterThan(0);
    const named = media.flatMap((name) => {
      const at = name.replace(/[^/]*$/, '');
      return [...text(name).matchAll(/^(?!#)(\S+)$|URI="([^"]+)"/gm)].map(([, line, uri]) => at + (line ?? uri ?? ''));
    });
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !inside.has(name))).toEqual([]);
  });

  test('dash.js plays the same segments, changes to the higher rung and shows the captions', async () => {
    const played = await playedBy(
      require.resolve('dashjs/dist/dash.all.min.js'),
      `const player = dashjs.MediaPlayer().create();
      player.on('error', ({ error }) => problems.push(error));
      player.updateSettings({ debug: { logLevel: 0 }, streaming: {
        abr: { autoSwitchBitrate: { video: false }, initialBitrate: { video: 1 } },
        buffer: { fastSwitchEnabled: true } } });
      player.initialize(video, '${addressOf('application/dash+xml')}', false);
      return watch({
        switchUp: () => player.setQualityFor('video', player.getBitrateInfoListFor('video').length - 1, true),
        languages: () => player.getTracksFor('text').map(({ lang }) => lang),
        showCaptions: () => { player.enableText(true); player.setTextTrack(0); },
      });`,
    );
    expect(played).toEqual(expected);
    expect(played.frames[1]).toBeGreaterThan(Number(played.frames[0]) + 5);
  });

  test('the preview of a video moves over its poster while the pointer rests there, and is no rendition to play', async () => {
    const rung = { name: '90p', height: 90, crf: 35, maxrate: 200, speed: 'ultrafast', audioBitrate: 32 };
    const poster = { format: 'webp', width: 160, quality: 50 };
    const preset = { video: { rungs: [rung], poster, preview: { scenes: 2, seconds: 0.5, width: 160 } } };
    const job = { source, id: 'preview', preset };
    const { body } = await api.call('POST', '/v1/jobs?wait=40s', job);
    const { renditions } = (body as { manifest: Manifest }).manifest;
    expect(renditions.map(({ role, mime }) => `${role} ${mime}`)).toEqual([
      ...['video video/mp4', 'poster image/webp', 'preview video/mp4', 'preview image/webp'],
    ]);
    const { page, complaints } = await openPage(browser);
    await page.goto(`${api.url}/#/item/jobs~preview`);
    const player = page.locator('.player video');
    await player.waitFor();
    expect(await page.locator('.moving').count()).toBe(0);
    await player.hover();
    const width = () => page.evaluate(`document.querySelector('.moving')?.naturalWidth`);
    await until(async () => (await width()) === 160);
    expect(await page.getByLabel('Rendition').locator('option').allInnerTexts()).toEqual(['90p', 'source']);
    await page.mouse.move(0, 0);
    await page.locator('.moving').waitFor({ state: 'detached' });
    expect(complaints).toEqual([]);
    await page.close();
  });
});
