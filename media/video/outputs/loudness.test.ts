/** Sounds of videos: their level, their channels, their languages, as another decoder finds them. Real ffmpeg. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { clipFolder, ffmpeg, picture, settings, X264 } from '../../../test/support/clips';
import { packageHls } from '../hls/package';
import { makeOutputs } from '../make-outputs';
import { planVideo } from '../plan/plan';
import { probeVideo } from '../probe/probe';

const clips = clipFolder();
afterAll(clips.remove);

/** Full scale in every channel at once: the worst that a mix can get. */
const LOUD = '-f lavfi -i aevalsrc=sin(880*t)|sin(880*t)|sin(880*t)|sin(880*t)|sin(880*t)|sin(880*t):c=5.1:s=48000:d=8';
const QUIET = '-f lavfi -i sine=frequency=300:sample_rate=48000:duration=8';

function levelOf(file: string): { integrated: number; peak: number } {
  const args = [
    '-hide_banner',
    '-nostats',
    '-i',
    `file:${file}`,
    '-map',
    '0:a:0',
    '-af',
    'ebur128=peak=true',
    '-f',
    'null',
    '-',
  ];
  const text = spawnSync(settings.ffmpegPath, args).stderr.toString().split('Summary:').at(-1) ?? '';
  return { integrated: Number(/I:\s+(\S+) LUFS/.exec(text)?.[1]), peak: Number(/Peak:\s+(\S+) dBFS/.exec(text)?.[1]) };
}

function channels(file: string): number {
  const entries = ['-select_streams', 'a:0', '-show_entries', 'stream=channels', '-of', 'csv=p=0'];
  return parseInt(execFileSync(settings.ffprobePath, ['-v', 'error', ...entries, `file:${file}`]).toString(), 10);
}

test('each language and 5.1 are sounds of their own, all at the level asked for; a mix of full channels does not clip', async () => {
  const words = '-map 0 -map 1 -map 2 -c:a flac -metadata:s:a:0 language=eng -metadata:s:a:1 language=ger';
  const input = ffmpeg(`${picture('160x90', 8)} ${LOUD} ${QUIET} ${words} ${X264}`, clips.at('sounds.mkv'));
  const probe = await probeVideo(input, { maxDuration: 3_600_000, maxStreams: 8 }, settings);
  const rungs = [{ name: 'a', height: 90, crf: 30, maxrate: 300, speed: 'ultrafast' as const, audioBitrate: 128 }];
  const preset = { audio: 'optional' as const, rungs, hls: true, dash: true, languages: 'all' as const, surround: 320 };
  const plan = planVideo(probe, { ...preset, loudness: -18 });
  expect(plan.tracks?.map(({ name, channels }) => [name, channels])).toEqual([['audio-en-surround', 6], ['audio-de', 2]]); // prettier-ignore
  // ffmpeg reads both characters as more than a name where the path of a report may hold them.
  const outputDir = clips.at('out 100 %d:');
  mkdirSync(outputDir);
  const step = { input, outputDir, probe, maxDuration: 3_600_000, settings };
  const files = await makeOutputs({ ...step, plan });
  const fileOf = (name: string) => files.find((each) => each.name === name)?.file ?? '';
  for (const name of ['a', 'audio-en-surround', 'audio-de']) {
    expect([name, levelOf(fileOf(name)).integrated]).toEqual([name, expect.closeTo(-18, -0.2)]);
  }
  expect(['a', 'audio-en-surround', 'audio-de'].map((name) => channels(fileOf(name)))).toEqual([2, 6, 2]);

  const plain = clips.at('plain');
  mkdirSync(plain);
  const [mixed] = await makeOutputs({
    ...step,
    outputDir: plain,
    plan: planVideo(probe, preset),
    branches: ['rung:a'],
  });
  expect(levelOf(mixed?.file ?? '').peak).toBeLessThan(0.5);

  const [rung] = plan.rungs;
  if (!plan.hls || !rung) throw new Error('no stream');
  const sounds = (plan.tracks ?? []).map((track) => ({ track, file: fileOf(track.name) }));
  const stream = await packageHls({ ...step, hls: plan.hls, rungs: [{ plan: rung, file: fileOf('a') }], sounds });
  const master = readFileSync(stream.playlist.file, 'utf8');
  const media = [
    ...master.matchAll(/GROUP-ID="(\w+)",NAME="(\w+)",LANGUAGE="(\w+)",DEFAULT=(\w+),.*CHANNELS="(\d)",URI="([^"]+)"/g),
  ];
  expect(media.map(([, ...words]) => words)).toEqual([
    ['audio', 'English', 'en', 'YES', '2', 'audio/index.m3u8'],
    ['audio', 'Deutsch', 'de', 'NO', '2', 'audio-de/index.m3u8'],
    ['surround', 'English', 'en', 'YES', '6', 'audio-en-surround/index.m3u8'],
    ['surround', 'Deutsch', 'de', 'NO', '2', 'audio-de/index.m3u8'],
  ]);
  expect(master.match(/#EXT-X-STREAM-INF.*AUDIO="(audio|surround)"/g)).toHaveLength(2);
  const mpd = readFileSync(stream.dash?.file ?? '', 'utf8');
  expect(mpd.match(/contentType="audio"[^>]* lang="(en|de)"/g)).toHaveLength(3);
  expect(mpd).toMatch(/audio_channel_configuration:2011" value="6"/);
  expect(channels(path.join(path.dirname(stream.playlist.file), 'audio-en-surround/index.m3u8'))).toBe(6);
});
