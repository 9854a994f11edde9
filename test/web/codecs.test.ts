import { execFileSync } from 'node:child_process';
import { createReadStream, mkdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { CODEC_NAMES } from '../../media/video/codecs';
import { packageHls } from '../../media/video/hls/package';
import { makeOutputs, planVideo, probeVideo } from '../../media/video';
import { clipFolder, ffmpeg, picture, settings, sound, X264 } from '../support/clips';
import { CODEC_FACTS } from '../support/codecs';
import { testWhere } from '../support/only-where';
import { describeInBrowser, executablePath, launch, openPage } from './browser';

/** Asked before the tests are defined, so that what this browser does not decode is shown as skipped. */
const playable = (() => {
  if (executablePath === undefined) return [];
  const script = `document.write(${JSON.stringify(CODEC_NAMES.map((codec) => [codec, CODEC_FACTS[codec].example]))}
    .filter(([, name]) => MediaSource.isTypeSupported('video/mp4; codecs="' + name + '"')).map(([codec]) => '<' + codec + '>'))`;
  const page = `data:text/html;base64,${Buffer.from(`<pre><script>${script}</script>`).toString('base64')}`;
  const args = ['--headless', '--no-sandbox', '--disable-gpu', '--dump-dom', page];
  const answer = execFileSync(executablePath, args, {
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: 30_000,
  }).toString();
  return CODEC_NAMES.filter((codec) => answer.includes(`<${codec}>`));
})();

const clips = clipFolder();
let server: Server;
let browser: Browser;

describeInBrowser('a browser plays what is made', () => {
  beforeAll(async () => {
    server = createServer((request, response) => {
      const name = new URL(request.url ?? '', 'http://x').pathname;
      if (name === '/favicon.ico') return response.setHeader('content-type', 'image/x-icon').end();
      if (name === '/') return response.setHeader('content-type', 'text/html').end('<video muted></video>');
      response.setHeader('content-type', name.endsWith('.mp4') ? 'video/mp4' : 'application/octet-stream');
      return createReadStream(path.join(clips.folder, name))
        .on('error', () => response.destroy())
        .pipe(response);
    }).listen(0, '127.0.0.1');
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    server.closeAllConnections();
    server.close();
    clips.remove();
  });

  for (const codec of CODEC_NAMES) {
    const where = testWhere(playable.includes(codec), `the Chromium of this machine does not decode ${codec}`);
    where(`${codec}: the MP4 and the stream`, async () => {
      const clip = ffmpeg(`${picture('320x180', 2.4)} ${sound(2.4)} ${X264} -c:a aac`, clips.at('clip.mp4'));
      const probe = await probeVideo(clip, { maxDuration: 60_000, maxStreams: 8 }, settings);
      const rung = {
        name: '180p',
        codec,
        height: 180,
        crf: 35,
        maxrate: 600,
        speed: 'superfast',
        audioBitrate: 64,
      } as const;
      const plan = planVideo(probe, { audio: 'optional', rungs: [rung], hls: true });
      const outputDir = clips.at(codec);
      mkdirSync(outputDir);
      const step = { outputDir, settings };
      const [made] = await makeOutputs({ ...step, input: clip, probe, plan, maxDuration: 60_000 });
      const rungs = plan.rungs.map((each) => ({ plan: each, file: made?.file ?? '' }));
      await packageHls({ ...step, hls: plan.hls ?? { segmentSeconds: 0 }, rungs });

      const { page, complaints } = await openPage(browser);
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
      const whole = { width: 320, height: 180, seconds: 2.4, frames: expect.any(Number) as number };
      expect(await page.evaluate(play(`video.src = '/${codec}/180p.mp4'`))).toEqual(whole);
      await page.evaluate(readFileSync(require.resolve('hls.js/dist/hls.min.js'), 'utf8'));
      const stream = `const hls = new Hls(); hls.loadSource('/${codec}/hls/master.m3u8'); hls.attachMedia(video);
        hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && fail(new Error(details)));`;
      expect(await page.evaluate(play(stream))).toEqual(whole);
      expect(complaints).toEqual([]);
      await page.close();
    });
  }

  const where = testWhere(playable.includes('av1'), 'the Chromium of this machine does not decode av1');
  where('HDR10 in AV1 beside SDR: the MP4, and the stream by HLS and by DASH', async () => {
    const tags = 'format=yuv420p10le,setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc:range=tv';
    const clip = ffmpeg(`${picture('320x180', 2.4)} -vf ${tags} -c:v libx264 -preset ultrafast`, clips.at('hdr.mp4'));
    const probe = await probeVideo(clip, { maxDuration: 60_000, maxStreams: 8 }, settings);
    const rung = { height: 180, crf: 30, maxrate: 900, speed: 'superfast', audioBitrate: 64 } as const;
    const rungs = [
      { ...rung, name: 'hdr', codec: 'av1' as const },
      { ...rung, name: 'sdr' },
    ];
    const plan = planVideo(probe, { audio: 'drop', hdr: 'keep', rungs, hls: true, dash: true });
    const outputDir = clips.at('hdr');
    mkdirSync(outputDir);
    const step = { outputDir, settings };
    const made = await makeOutputs({ ...step, input: clip, probe, plan, maxDuration: 60_000 });
    const films = plan.rungs.map((each, at) => ({ plan: each, file: made[at]?.file ?? '' }));
    await packageHls({ ...step, hls: plan.hls ?? { segmentSeconds: 0 }, rungs: films });

    const { page, complaints } = await openPage(browser);
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    const whole = { width: 320, height: 180, seconds: 2.4, frames: expect.any(Number) as number };
    expect(await page.evaluate(play(`video.src = '/hdr/hdr.mp4'`))).toEqual(whole);
    await page.evaluate(readFileSync(require.resolve('hls.js/dist/hls.min.js'), 'utf8'));
    const hls = `const hls = new Hls(); hls.loadSource('/hdr/hls/master.m3u8'); hls.attachMedia(video);
      hls.on(Hls.Events.ERROR, (_, { fatal, details }) => fatal && fail(new Error(details)));
      hls.on(Hls.Events.MANIFEST_PARSED, (_, { levels }) => { window.ranges = levels.map((level) => level.videoRange); });`;
    expect(await page.evaluate(play(hls))).toEqual(whole);
    // It reads them, and leaves out those that this screen does not show.
    expect(await page.evaluate('window.ranges')).toContain('SDR');
    await page.evaluate(readFileSync(require.resolve('dashjs/dist/dash.all.min.js'), 'utf8'));
    const dash = `const player = dashjs.MediaPlayer().create(); player.initialize(video, '/hdr/hls/manifest.mpd', true);
      player.on('error', ({ error }) => fail(new Error(error.message)));
      player.on('streamInitialized', () => { window.codecs = player.getTracksFor('video').map(({ codec }) => codec); });`;
    expect(await page.evaluate(play(dash))).toEqual(whole);
    // A player that does not know the properties of HDR takes SDR.
    expect(await page.evaluate('window.codecs')).toEqual([expect.stringContaining('avc1.') as string]);
    expect(complaints).toEqual([]);
    await page.close();
  });
});

/** Plays to the end, four times as fast, and answers with what was shown. Fails where nothing was decoded. */
function play(load: string): string {
  return `new Promise((done, fail) => {
    const video = document.querySelector('video').cloneNode();
    video.removeAttribute('src');
    document.querySelector('video').replaceWith(video);
    video.playbackRate = 4;
    video.onerror = () => fail(new Error(video.error.message));
    video.onended = () => {
      const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
      if (frames < 10) fail(new Error(frames + ' frames were decoded'));
      const seconds = Math.round(video.currentTime * 10) / 10;
      done({ width: video.videoWidth, height: video.videoHeight, seconds, frames });
    };
    video.oncanplay = () => video.play();
    ${load}
  })`;
}
