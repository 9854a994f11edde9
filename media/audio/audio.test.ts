import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import sharp from 'sharp';
import { clipFolder, ffmpeg, picture, settings, sound, streamsOf, X264 } from '../../test/support/clips';
import type { StepProgress } from '../video';
import { parsePreset, sectionOf } from '../presets';
import type { AudioPreset } from '../presets/schema';
import { encodeAudio, measureLoudness, planAudio, probeAudio, type AudioInput, type AudioOutcome } from '.';
import type { Peaks } from './peaks';
import type { AudioProbe } from './types';

const clips = clipFolder();
afterAll(clips.remove);
const LIMITS = { maxDuration: 3_600_000, maxStreams: 8 };
const PRESET = sectionOf(
  parsePreset(
    'test',
    `
audio:
  loudness: { integrated: -16, truePeak: -1.5, range: 20 }
  renditions:
    - { name: high, codec: aac, bitrate: 128 }
    - { name: low, codec: opus, bitrate: 64 }
  waveform: { width: 400, height: 60, colour: '#ff8000', points: 100 }
  poster: { format: webp, width: 100, quality: 70 }
`,
  ),
  'audio',
);
let count = 0;

async function prepare(input: string, preset: Partial<AudioPreset> = {}): Promise<AudioInput> {
  const probe = await probeAudio(input, LIMITS, settings);
  const outputDir = clips.at(`out ${count++}`);
  mkdirSync(outputDir);
  return { input, outputDir, probe, plan: planAudio(probe, { ...PRESET, ...preset }), ...LIMITS, settings };
}

async function make(
  input: string,
  preset: Partial<AudioPreset> = {},
): Promise<AudioOutcome & { folder: string; probe: AudioProbe }> {
  const prepared = await prepare(input, preset);
  const first = prepared.plan.target && (await measureLoudness(prepared));
  return { ...(await encodeAudio(prepared, first)), folder: prepared.outputDir, probe: prepared.probe };
}

const refusal = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: { type?: string; message?: string }) => `${error.type}: ${error.message}`,
  );

const fileOf = ({ files }: AudioOutcome, name: string) => {
  const file = files.find((each) => each.name === name);
  if (file === undefined) throw new Error(`no ${name}`);
  return file;
};

/** LUFS of a finished file, as ffmpeg's meter hears it. */
function loudnessOf(file: string): number {
  const args = ['-hide_banner', '-nostats', '-i', file, '-filter_complex', 'ebur128', '-f', 'null', '-'];
  const { stderr } = spawnSync(settings.ffmpegPath, args, { encoding: 'utf8' });
  return Number(/I:\s+(\S+) LUFS/.exec(stderr.slice(stderr.lastIndexOf('Summary:')))?.[1]);
}

/** A tone whose level rises and falls, -30 to -45 LUFS: quiet, and with a range. */
const quiet = (seconds: number) =>
  `-f lavfi -i sine=frequency=440:duration=${seconds}:sample_rate=44100 -af volume=0.15,tremolo=f=0.5:d=0.7`;

describe('renditions', () => {
  const sources: [string, string, string][] = [
    ['mp3', '-c:a libmp3lame -b:a 96k -ac 2', 'mp3'],
    ['flac', '-c:a flac -ac 2', 'flac'],
    ['wav', '-c:a pcm_s24le -ac 2', 'wav'],
    ['ogg', '-c:a libvorbis -ac 2', 'ogg'],
    ['m4a', '-c:a aac -ac 2 -f ipod', 'm4a'],
    ['aac', '-c:a aac -ac 2 -f adts', 'aac'],
    ['mp4', '-c:a ac3 -ac 2', 'mp4'],
    ['mkv', '-c:a flac -ac 2', 'mkv'],
    ['webm', '-c:a libopus -ac 2', 'webm'],
  ];

  test.each(sources)(
    '%s becomes AAC and Opus at the level asked for, as long as the source',
    async (name, words, format) => {
      const input = ffmpeg(`${quiet(2)} ${words}`, clips.at(`in.${name}`));
      const made = await make(input);
      expect(made.probe).toMatchObject({ format, facts: { channels: 2 } });
      expect(readdirSync(made.folder).sort()).toEqual(['high.m4a', 'low.opus', 'peaks.json', 'waveform.png']);
      for (const [rendition, codec, codecs] of [
        ['high', 'aac', 'mp4a.40.2'],
        ['low', 'opus', 'opus'],
      ] as const) {
        const file = fileOf(made, rendition);
        expect(streamsOf(file.file)).toMatchObject([{ codec_name: codec, sample_rate: '48000', channels: 2 }]);
        expect(file).toMatchObject({ role: 'audio', codecs, bytes: statSync(file.file).size });
        expect(Math.abs((file.durationSeconds ?? 0) - 2)).toBeLessThan(0.05);
        expect(Math.abs(loudnessOf(file.file) + 16)).toBeLessThan(1);
        expect(Math.abs((file.audio?.loudness?.integrated ?? 0) + 16)).toBeLessThan(0.5);
        expect(file.audio).toMatchObject({ channels: 2, sampleRate: 48_000, loudness: { mode: 'linear' } });
      }
      expect(made.loudness?.integrated).toBeLessThan(-25);
      expect(made.warnings).toEqual([]);
    },
  );

  test('the index of the M4A stands in front, and nothing of the source is in it', async () => {
    const input = ffmpeg(`${quiet(2)} -c:a aac -metadata title=secret -f ipod`, clips.at('tagged.m4a'));
    const bytes = readFileSync(fileOf(await make(input), 'high').file);
    expect(bytes.toString('latin1', 4, 12)).toBe('ftypM4A ');
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
    expect(bytes.includes('secret')).toBe(false);
  });

  test('tags are kept where the preset says so', async () => {
    const file = clips.at('tags.mp3');
    const args = ['-metadata', 'title=A "quoted" title = 1', '-metadata', 'comment=secret', '-c:a', 'libmp3lame'];
    const tone = sound(2).split(' ');
    execFileSync(settings.ffmpegPath, ['-v', 'error', '-y', ...tone, ...args, file]);
    const made = await make(file, { metadata: 'keep' });
    for (const name of ['high', 'low']) {
      const shown = execFileSync(settings.ffprobePath, [
        ...['-v', 'error', '-show_entries', 'format_tags:stream_tags', '-of', 'json'],
        fileOf(made, name).file,
      ]).toString();
      expect(shown).toContain('A \\"quoted\\" title = 1');
      expect(shown).not.toContain('secret');
    }
  });

  test('one channel stays one', async () => {
    const made = await make(ffmpeg(`${quiet(3)} -c:a flac -ac 1`, clips.at('mono.flac')));
    expect(streamsOf(fileOf(made, 'high').file)).toMatchObject([{ channels: 1 }]);
    expect(fileOf(made, 'low').audio?.channels).toBe(1);
  });

  test.each([
    ['stereo', 2],
    ['surround', 6],
    ['mono', 1],
  ] as const)('5.1 as %s has %d channels', async (channels, expected) => {
    const words = `-f lavfi -i aevalsrc='0.1*sin(880*t)|0.1*sin(440*t)|0.1*sin(220*t)|0|0.05*sin(660*t)|0.05*sin(550*t)':c=5.1(side):d=3`;
    const made = await make(ffmpeg(`${words.replaceAll("'", '')} -c:a flac`, clips.at('five.flac')), { channels });
    for (const name of ['high', 'low']) {
      expect(streamsOf(fileOf(made, name).file)).toMatchObject([{ channels: expected }]);
      expect(Math.abs(loudnessOf(fileOf(made, name).file) + 16)).toBeLessThan(1);
    }
  });

  test('silence keeps its level, and nothing fails over it', async () => {
    const silence = ffmpeg('-f lavfi -i anullsrc=r=44100:cl=stereo:d=2 -c:a flac', clips.at('silence.flac'));
    const made = await make(silence);
    expect(made.warnings).toEqual(['The sound is silent, so its level was kept.']);
    expect(made.loudness).toBeUndefined();
    expect(fileOf(made, 'high').audio?.loudness).toBeUndefined();
    expect(loudnessOf(fileOf(made, 'low').file)).toBeLessThanOrEqual(-70);
  });

  test('without a level in the preset the own one is kept', async () => {
    const input = ffmpeg(`${quiet(3)} -c:a flac`, clips.at('kept.flac'));
    const made = await make(input, { loudness: undefined });
    expect(Math.abs(loudnessOf(fileOf(made, 'low').file) - loudnessOf(input))).toBeLessThan(0.5);
  });

  test('peaks that one gain would lift above the limit are held down', async () => {
    // Short clicks over a quiet tone: the gain that the tone needs would drive them far over full scale.
    const words = '-f lavfi -i aevalsrc=0.02*sin(880*t)+0.9*lt(mod(t\\,1)\\,0.002):d=8:s=48000 -c:a flac';
    const made = await make(ffmpeg(words, clips.at('clicks.flac')));
    const { loudness } = fileOf(made, 'high').audio ?? {};
    expect(loudness?.mode).toBe('dynamic');
    expect(loudness?.truePeak).toBeLessThanOrEqual(-1.3);
    expect(Math.abs((fileOf(made, 'low').durationSeconds ?? 0) - 8)).toBeLessThan(0.05);
  });

  test('a run tells how far it is', async () => {
    const told: StepProgress[] = [];
    const prepared = await prepare(ffmpeg(`${quiet(60)} -c:a flac`, clips.at('minute.flac')));
    const first = await measureLoudness({ ...prepared, onProgress: (progress) => told.push(progress) });
    expect(first.seconds).toBeCloseTo(60, 0);
    expect(told.at(-1)).toMatchObject({ outTimeSeconds: expect.any(Number) as number });
  });
});

describe('the waveform', () => {
  test('its numbers are those of a known sine', async () => {
    // Half of full scale for a second, then a quarter.
    const words = `-f lavfi -i aevalsrc=if(lt(t\\,1)\\,0.5\\,0.25)*sin(2*PI*440*t):d=2:s=48000 -c:a pcm_s16le`;
    const made = await make(ffmpeg(words, clips.at('sine.wav')), { loudness: undefined });
    const peaks = JSON.parse(readFileSync(fileOf(made, 'peaks').file, 'utf8')) as Peaks;
    expect(peaks).toMatchObject({ version: 2, channels: 1, sample_rate: 48_000, samples_per_pixel: 960, bits: 8 });
    expect(peaks.length).toBe(100);
    expect(peaks.data).toHaveLength(200);
    for (let point = 0; point < 100; point++) {
      if (point === 50) continue;
      const scale = point < 50 ? 0.5 : 0.25;
      expect(Math.abs((peaks.data[2 * point] ?? 0) + 128 * scale)).toBeLessThanOrEqual(1);
      expect(Math.abs((peaks.data[2 * point + 1] ?? 0) - 127 * scale)).toBeLessThanOrEqual(1);
    }
  });

  test('its picture has the size and the colour asked for, and the shape of the sound', async () => {
    const words = `-f lavfi -i aevalsrc=if(lt(t\\,1)\\,0.9\\,0.1)*sin(2*PI*440*t):d=2:s=48000 -c:a pcm_s16le`;
    const made = await make(ffmpeg(words, clips.at('shape.wav')), { loudness: undefined });
    const picture = fileOf(made, 'waveform');
    expect(picture).toMatchObject({ role: 'waveform', mime: 'image/png', width: 400, height: 60 });
    const { data, info } = await sharp(picture.file).ensureAlpha().raw().toBuffer({ resolveWithObject: true });
    expect(info).toMatchObject({ width: 400, height: 60, channels: 4 });
    const opaque = (x: number) =>
      Array.from({ length: 60 }, (_, y) => data[4 * (y * 400 + x) + 3] ?? 0).filter((alpha) => alpha > 127).length;
    expect(Math.abs(opaque(100) - 54)).toBeLessThanOrEqual(2);
    expect(Math.abs(opaque(300) - 6)).toBeLessThanOrEqual(2);
    expect([...data.subarray(4 * (30 * 400 + 100), 4 * (30 * 400 + 100) + 4)]).toEqual([255, 128, 0, 255]);
  });
});

describe('what is in the file beside the sound', () => {
  const cover = async (name: string) => {
    const file = clips.at(`${name}.jpg`);
    await sharp({ create: { width: 300, height: 300, channels: 3, background: 'red' } })
      .jpeg()
      .toFile(file);
    return file;
  };

  test.each(['mp3', 'm4a', 'flac'])('a cover in %s is found, and is no picture stream', async (format) => {
    const jpeg = await cover(`cover-${format}`);
    const words = `${sound(2)} -i ${jpeg} -map 0 -map 1 -c:v copy -disposition:v attached_pic`;
    const made = await make(ffmpeg(words, clips.at(`covered.${format}`)));
    expect(made.cover && readFileSync(made.cover).equals(readFileSync(jpeg))).toBe(true);
  });

  test('the sound of a video can be asked for', async () => {
    const input = ffmpeg(`${picture('160x90', 2)} ${sound(2)} ${X264} -c:a aac`, clips.at('film.mp4'));
    const made = await make(input);
    expect(streamsOf(fileOf(made, 'high').file)).toMatchObject([{ codec_type: 'audio' }]);
  });
});

describe('refusals', () => {
  const whole = (name: string, words: string) => ffmpeg(`${quiet(8)} ${words}`, clips.at(name));
  const cut = (file: string, part: number) => {
    truncateSync(file, Math.floor(statSync(file).size * part));
    return file;
  };

  test.each([
    ['cut.flac', '-c:a flac'],
    ['cut.wav', '-c:a pcm_s16le'],
    ['cut.mp3', '-c:a libmp3lame'],
    ['cut.ogg', '-c:a libvorbis'],
    ['cut.opus', '-c:a libopus'],
    ['cut.m4a', '-c:a aac -movflags +faststart -f ipod'],
    ['cut-index.m4a', '-c:a aac -f ipod'],
    ['cut.mkv', '-c:a flac'],
  ])('%s is cut short', async (name, words) => {
    const file = cut(whole(name, words), 0.6);
    expect(await refusal(make(file))).toMatch(/^CorruptMedia: The audio is (cut short|damaged)[^.]*\.$/);
    const left = readdirSync(clips.at(`out ${count - 1}`), { withFileTypes: true }).map(({ name }) => name);
    expect(left.filter((name) => /^(high|low|peaks\.json|waveform|report)/.test(name))).toEqual([]);
  });

  test('an MP3 that states no length is taken for what is there', async () => {
    const file = whole('no-header.mp3', '-c:a libmp3lame -write_xing 0 -q:a 2');
    const made = await make(file);
    expect(Math.abs(made.durationSeconds - 8)).toBeLessThan(0.1);
  });

  test('damage in the middle', async () => {
    const file = whole('damaged.flac', '-c:a flac');
    const bytes = readFileSync(file);
    bytes.fill(0x55, bytes.length / 2, bytes.length / 2 + 2000);
    writeFileSync(file, bytes);
    expect(await refusal(make(file))).toBe('CorruptMedia: The audio is damaged or cut short.');
  });

  test('an empty file, a file of another kind and one without sound', async () => {
    writeFileSync(clips.at('empty.mp3'), '');
    expect(await refusal(make(clips.at('empty.mp3')))).toBe('CorruptMedia: The file is empty.');
    await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFile(clips.at('p.png'));
    expect(await refusal(make(clips.at('p.png')))).toBe('UnsupportedMedia: The file is not audio: it is PNG.');
    const silent = ffmpeg(`${picture('160x90', 1)} ${X264}`, clips.at('silent.mp4'));
    expect(await refusal(make(silent))).toBe('UnsupportedMedia: The file has no sound in it.');
  });

  test('files that are protected', async () => {
    const file = whole('drm.m4a', '-c:a aac -f ipod');
    const bytes = readFileSync(file);
    const patched = (from: string, to: string) => {
      const copy = Buffer.from(bytes);
      copy.write(to, copy.indexOf(from), 'latin1');
      writeFileSync(clips.at('drm.m4p'), copy);
      return refusal(make(clips.at('drm.m4p')));
    };
    expect(await patched('M4A ', 'M4P ')).toBe(
      'UnsupportedMedia: The file is M4P (protected by the iTunes Store): its sound is encrypted and cannot be read.',
    );
    for (const entry of ['drms', 'enca']) {
      expect(await patched('mp4a', entry)).toMatch(/^UnsupportedMedia: .*DRM.*encrypted/);
    }
  });

  test('limits of duration, streams, channels and rate', async () => {
    const file = whole('long.flac', '-c:a flac');
    expect(await refusal(probeAudio(file, { ...LIMITS, maxDuration: 5000 }, settings))).toBe(
      'MediaTooLarge: The audio is 8 s long; 5 s are allowed.',
    );
    expect(await refusal(probeAudio(file, { ...LIMITS, maxStreams: 0 }, settings))).toMatch(/^MediaTooLarge/);
    const wide = clips.at('wide.wav');
    const head = Buffer.from('RIFF....WAVEfmt ....................data....', 'latin1');
    [
      [4, 4036],
      [16, 16],
      [24, 8000],
      [28, 640_000],
      [40, 4000],
    ].forEach(([at = 0, value]) => head.writeUInt32LE(value ?? 0, at));
    [
      [20, 1],
      [22, 40],
      [32, 80],
      [34, 16],
    ].forEach(([at = 0, value]) => head.writeUInt16LE(value ?? 0, at));
    writeFileSync(wide, Buffer.concat([head, Buffer.alloc(4000)]));
    expect(await refusal(probeAudio(wide, LIMITS, settings))).toMatch(/^MediaTooLarge: The audio has 40 channels/);
  });

  test('a playlist by another name reads nothing', async () => {
    const secret = whole('secret.mp3', '-c:a libmp3lame');
    writeFileSync(clips.at('list.mp3'), `ID3\x04ffconcat version 1.0\nfile ${secret}\n`);
    expect(await refusal(make(clips.at('list.mp3')))).toMatch(/^(CorruptMedia|UnsupportedMedia): /);
  });

  test('values that are no numbers leave none in what is made', async () => {
    const file = whole('nan.wav', '-ar 48000 -c:a pcm_f32le');
    const bytes = readFileSync(file);
    for (let at = 4000; at + 4 < 40_000; at += 4) bytes.writeFloatLE(NaN, at);
    writeFileSync(file, bytes);
    const made = await make(file);
    expect(Math.abs(loudnessOf(fileOf(made, 'high').file) + 16)).toBeLessThan(1);
    expect(readFileSync(fileOf(made, 'peaks').file, 'utf8')).not.toMatch(/null|NaN/);
  });
});
