import { readFileSync, writeFileSync } from 'node:fs';
import { DarkroomError } from '../../../common/errors';
import { runProcess } from '../../../common/process';
import { clipFolder, ffmpeg, picture, settings, sound, turnByQuarter, X264 } from '../../../test/support/clips';
import { compose } from '../compose';
import { ffprobeArgs } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import { rungBranch } from '../outputs/rung';
import { planVideo } from '../plan/plan';
import { probeVideo } from './probe';
import type { MediaProbe } from '../types';

const clips = clipFolder();
afterAll(clips.remove);

const limits = { maxDuration: 3_600_000, maxStreams: 8 };
const probe = (file: string, signal?: AbortSignal) => probeVideo(file, limits, settings, signal);
const refusal = (file: string, bounds = limits) =>
  probeVideo(file, bounds, settings).then(
    () => 'accepted',
    (error: unknown) => (error instanceof DarkroomError ? `${error.type}: ${error.message}` : String(error)),
  );
const write = (name: string, content: string | Buffer) => {
  writeFileSync(clips.at(name), content);
  return clips.at(name);
};

/** Puts a configuration of Dolby Vision into the sample entry; the index lies behind the media, so nothing moves. */
function asDolbyVision(mp4: Buffer, profile: number, compatibility: number): Buffer {
  const box = Buffer.alloc(32);
  box.writeUInt32BE(32);
  box.write('dvcC', 4);
  // Version 1.0; the profile, level 1, base layer and metadata; the base layer's compatibility.
  box.set([1, 0, profile << 1, (1 << 3) | 0b101, compatibility << 4], 8);
  const at = mp4.indexOf('hvcC') - 4;
  for (const type of ['moov', 'trak', 'mdia', 'minf', 'stbl', 'stsd', 'hvc1']) {
    const size = mp4.lastIndexOf(type, at) - 4;
    mp4.writeUInt32BE(mp4.readUInt32BE(size) + box.length, size);
  }
  return Buffer.concat([mp4.subarray(0, at), box, mp4.subarray(at)]);
}

let made: string | undefined;
/** A second with sound; made once. */
const plain = () => (made ??= ffmpeg(`${picture('320x180', 1)} ${sound(1)} ${X264} -c:a aac`, clips.at('plain.mp4')));

describe('what a probe says', () => {
  test('of a plain clip', async () => {
    expect(await probe(plain())).toMatchObject({
      format: 'mp4',
      durationSeconds: expect.closeTo(1, 1) as number,
      streams: 2,
      video: {
        index: 0,
        codec: 'h264',
        displayWidth: 320,
        displayHeight: 180,
        rotation: 0,
        fps: '25/1',
        variableRate: false,
        pixFmt: 'yuv420p',
        hdr: false,
        frames: 25,
        framesEstimated: false,
      },
      audio: { index: 1, codec: 'aac' },
    });
  });

  test.each(['mkv', 'webm'])('of a recording in %s whose clock begins at five seconds', async (type) => {
    const codecs = type === 'mkv' ? `${X264} -c:a aac` : '-c:v libvpx-vp9 -deadline realtime -c:a libopus';
    const words = `${picture('64x64', 1)} ${sound(1)} ${codecs} -output_ts_offset 5`;
    const { durationSeconds, video } = await probe(ffmpeg(words, clips.at(`late.${type}`)));
    expect(durationSeconds).toBeCloseTo(1, 1);
    expect(video).toMatchObject({ frames: 25, fps: '25/1' });
  });

  test('of a silent one: no audio', async () => {
    expect((await probe(ffmpeg(`${picture('64x64', 0.4)} ${X264}`, clips.at('silent.mp4')))).audio).toBeUndefined();
  });

  test('of one from a phone that was held upright: the size as seen', async () => {
    const { video } = await probe(turnByQuarter(ffmpeg(`${picture('320x180', 0.4)} ${X264}`, clips.at('turned.mp4'))));
    expect(video).toMatchObject({ width: 320, height: 180, displayWidth: 180, displayHeight: 320, rotation: 90 });
  });

  test('of wide pixels: the size in square ones', async () => {
    const { video } = await probe(ffmpeg(`${picture('320x180', 0.4)} -vf setsar=2 ${X264}`, clips.at('sar.mp4')));
    expect(video).toMatchObject({ width: 320, displayWidth: 640, displayHeight: 180, sar: '2:1' });
  });

  test('of PQ: HDR', async () => {
    const hdr = `${picture('64x64', 0.4)} -c:v libx264 -pix_fmt yuv420p10le -color_trc smpte2084`;
    expect((await probe(ffmpeg(hdr, clips.at('hdr.mp4')))).video).toMatchObject({
      hdr: true,
      colour: { transfer: 'smpte2084' },
    });
  });

  test('of Dolby Vision: profile 5 is refused, since its colours would be wrong; profile 8 is what its pictures are', async () => {
    const words = `${picture('64x64', 0.4)} -pix_fmt yuv420p10le -color_trc smpte2084 -c:v libx265 -x265-params log-level=error`;
    const hdr10 = readFileSync(ffmpeg(`${words} -tag:v hvc1`, clips.at('hdr10.mp4')));
    expect(await refusal(write('dv5.mp4', asDolbyVision(hdr10, 5, 0)))).toMatch(
      /^UnsupportedMedia: The video is Dolby Vision of profile 5, /,
    );
    const { video } = await probe(write('dv8.mp4', asDolbyVision(hdr10, 8, 1)));
    expect([video.hdr, video.colour.transfer]).toEqual([true, 'smpte2084']);
  });

  test('of a live recording, whose header states no duration: what its packets say', async () => {
    const live = ffmpeg(`${picture('64x64', 1)} -c:v libvpx -deadline realtime -f webm -live 1`, clips.at('live.webm'));
    const { durationSeconds, video, format } = await probe(live);
    expect([format, video.frames, video.framesEstimated]).toEqual(['webm', 25, false]);
    expect(durationSeconds).toBeCloseTo(1, 1);
  });

  test('of uneven frame times: a variable rate', async () => {
    const uneven = `${picture('64x64', 4, 60)} -vf select=lt(mod(n\\,60)\\,8) -fps_mode vfr ${X264}`;
    expect((await probe(ffmpeg(uneven, clips.at('vfr.mp4')))).video.variableRate).toBe(true);
  });

  test('cover art is not the picture', async () => {
    const song = ffmpeg(
      `${sound(1)} ${picture('64x64', 0.04)} -map 0 -map 1 -c:a aac -c:v mjpeg -disposition:v attached_pic`,
      clips.at('song.mp4'),
    );
    expect(await refusal(song)).toBe('UnsupportedMedia: The file has no video in it.');
  });

  test.each(['it is 50% "a" b\'s', '-i', '--help', '%d', 'ünï-日本', 'a:b;c,[0]', 'x'.repeat(255)])(
    'under any name: %s',
    async (name) => {
      const file = write(name, readFileSync(plain()));
      expect((await probe(file)).video.frames).toBe(25);
    },
  );
});

describe('what a probe refuses', () => {
  test('an empty file', async () => {
    expect(await refusal(write('empty.mp4', ''))).toBe('CorruptMedia: The file is empty.');
  });

  test('text and pictures, whatever their name', async () => {
    expect(await refusal(write('text.mp4', 'dear diary\n'))).toMatch(/^UnsupportedMedia: .*text/);
    const png = ffmpeg(`${picture('64x64', 0.04)} -frames:v 1 -c:v png -f image2`, clips.at('picture.mp4'));
    expect(await refusal(png)).toMatch(/^UnsupportedMedia: .*PNG/);
  });

  test('sound alone', async () => {
    expect(await refusal(ffmpeg(`${sound(1)} -c:a flac -f flac`, clips.at('sound.mp4')))).toMatch(/no video/);
    expect(await refusal(ffmpeg(`${sound(1)} -c:a aac`, clips.at('sound2.mp4')))).toMatch(
      /^UnsupportedMedia.*no video/,
    );
  });

  test('a file cut off before its index', async () => {
    const bytes = readFileSync(plain());
    expect(await refusal(write('cut.mp4', bytes.subarray(0, bytes.length >> 1)))).toMatch(/^CorruptMedia: .*damaged/);
    expect(await refusal(write('head.mp4', bytes.subarray(0, 40)))).toMatch(/^CorruptMedia/);
  });

  test('more streams or seconds than allowed, naming both figures', async () => {
    expect(await refusal(plain(), { ...limits, maxStreams: 1 })).toMatch(/^MediaTooLarge: .*2 streams; 1/);
    expect(await refusal(plain(), { ...limits, maxDuration: 500 })).toMatch(/^MediaTooLarge: .*0.5 s are allowed/);
  });

  test('after an abort: the reason, whatever the file', async () => {
    const reason = new Error('cancelled');
    await expect(probe(plain(), AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});

describe('a list of files never gets one of them read', () => {
  const secret = () => ffmpeg(`${picture('64x64', 0.4)} ${X264} -f mpegts`, clips.at('secret.ts'));
  const playlist = () => {
    const lines = ['#EXTM3U', '#EXT-X-TARGETDURATION:1', '#EXTINF:1,', secret(), '#EXT-X-ENDLIST', ''];
    return write('playlist.mp4', lines.join('\n'));
  };
  const concat = () => {
    secret();
    return write('concat.mp4', 'ffconcat version 1.0\nfile secret.ts\n');
  };

  test.each([
    ['a playlist', playlist],
    ['a concat list', concat],
  ])('%s is refused by its content', async (_, make) => {
    expect(await refusal(make())).toMatch(/^UnsupportedMedia: The file is not a video/);
  });

  test.each([
    ['a playlist', playlist],
    ['a concat list', concat],
  ])('%s that got past that is refused by ffprobe and ffmpeg', async (_, make) => {
    const file = make();
    await expect(runProcess(settings.ffprobePath, ffprobeArgs(file))).rejects.toMatchObject({
      stderrTail: expect.stringMatching(/whitelist/i) as string,
    });
    const clip: MediaProbe = await probe(plain());
    const plan = planVideo(clip, {
      audio: 'drop',
      rungs: [{ name: 'a', height: 64, crf: 30, maxrate: 100, speed: 'ultrafast', audioBitrate: 64 }],
    });
    const command = compose({
      ...{ input: file, probe: clip, branches: [rungBranch(clip, plan.rungs[0]!)], threads: 1, ...limits },
      partOf: () => clips.at('stolen.mp4'),
    });
    await expect(runFfmpeg(command, { settings })).rejects.toMatchObject({ type: 'UnsupportedMedia' });
  });

  test('without the format whitelist the playlist would be read: the tests above mean something', async () => {
    const args = ffprobeArgs(playlist());
    args.splice(args.indexOf('-format_whitelist'), 2);
    const { stdout } = await runProcess(settings.ffprobePath, args);
    expect(stdout).toContain('h264');
  });
});
