import { rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../../common/errors';
import { extensionOf, type FileType } from '../../../common/file-types';
import { DRAWN_FORMATS, type DrawnFormat } from '../../formats';
import type { ImageRenditionSpec } from '../../presets/schema';
import { badOutput, fileFacts, finished } from '../../video/check/finish';
import { readMp4 } from '../../video/check/mp4';
import { CODECS } from '../../video/codecs';
import { filmBounds } from '../../video/ffmpeg/bounds';
import { fileUrl, inputStart, type FfmpegCommand } from '../../video/ffmpeg/command';
import { runFfmpeg } from '../../video/ffmpeg/run';
import { countPackets } from '../../video/probe/probe';
import type { FfmpegSettings, StepInput } from '../../video/types';
import type { Frames } from '../types';
import { asMovie, ROOM, showLast } from './movie';

/** A finished silent video of an animation, or an AVIF that moves. */
export interface FilmFile {
  /** Name of the rendition in the preset. */
  name: string;
  /** Absolute path. */
  file: string;
  mime: FileType;
  /** px; even numbers. */
  width: number;
  height: number;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  durationSeconds: number;
  frames: number;
  /** RFC 6381; of MP4 only. */
  codecs?: string;
  /** kbit/s, measured. */
  bitrate: number;
}

export interface FilmStep extends Pick<StepInput, 'signal' | 'onProgress'> {
  /** Existing folder. */
  outputDir: string;
  settings: FfmpegSettings;
}

/** ms; a day. */
const MAX_MS = 86_400_000;

/** Demuxers of the finished files. */
const READERS = { mp4: 'mov', webm: 'matroska', avif: 'mov' } as const;

/**
 * Makes the silent video, or the moving AVIF, of drawn frames, each of which shows for as long as in the source, to the ms. The video ends when the
 * animation has run once: no container keeps how often it repeats. The frames are removed.
 * @throws DarkroomError EncoderFailed, MediaTooLarge, StorageUnavailable; after an abort the signal's reason
 */
export async function makeFilm(frames: Frames, spec: ImageRenditionSpec, step: FilmStep): Promise<FilmFile> {
  const { settings, signal, onProgress, outputDir } = step;
  const { name, format, delays } = frames;
  const { mime } = DRAWN_FORMATS[format];
  const file = `${name}.${extensionOf(mime)}`;
  const part = path.resolve(outputDir, `${file}.part`);
  const command = filmCommand(frames, spec, part);
  const { size } = await stat(frames.file);
  if (size !== ROOM + frames.width * frames.height * 3 * delays.length) {
    throw badOutput('The drawn frames of the video are not complete.', { bytes: size });
  }
  const total = delays.reduce((sum, delay) => sum + delay, 0);
  if (total > MAX_MS) {
    const sentence = `The animation takes ${Math.round(total / 1000)} s; a video of one takes at most ${MAX_MS / 1000} s.`;
    throw new DarkroomError('MediaTooLarge', sentence, { seconds: total / 1000 });
  }
  return finished(outputDir, [file], async () => {
    await asMovie(frames);
    await runFfmpeg(command, { settings, signal, onProgress });
    if (format === 'avif') await showLast(part, delays.at(-1) ?? 0);
    await rm(frames.file, { force: true });
    const counted = await countPackets(part, 0, settings, signal, undefined, READERS[format]);
    if (counted?.frames !== delays.length) {
      throw badOutput('The encoder lost frames of the animation.', {
        frames: counted?.frames ?? 0,
        wanted: delays.length,
      });
    }
    const { bytes, sha256 } = await fileFacts(part, step);
    const durationSeconds = total / 1000;
    const { width, height } = frames;
    return {
      ...{ name, mime, width, height, bytes, sha256, durationSeconds, frames: delays.length },
      file: path.resolve(outputDir, file),
      ...(format === 'mp4' && { codecs: (await readMp4(part)).codecs }),
      bitrate: Math.max(1, Math.round((bytes * 8) / 1000 / durationSeconds)),
    };
  });
}

/** Of the encoders' speeds: the one that Darkroom's rungs have. */
const PRESET = 'veryfast';

/** Expected CPU seconds for a million pixels of libaom at its quickest: that of its slowest is within the margin of the bounds. */
const AOM_COST = 1;

interface Encoder {
  encoder: string;
  /** CPU seconds for a million pixels. */
  cost: number;
  options: string[];
}

const ENCODERS: Record<DrawnFormat, (crf: string, effort: number) => Encoder> = {
  // Without B-frames, packets have the order of the frames, and the last packet is the last frame.
  mp4: (crf) => ({
    encoder: CODECS.h264.encoder,
    cost: CODECS.h264.cost[PRESET],
    options: [
      ...['-preset', PRESET, '-profile:v', 'high', '-crf', crf, '-bf', '0'],
      ...['-tag:v', CODECS.h264.entry, '-movflags', '+faststart', '-video_track_timescale', '1000'],
    ],
  }),
  webm: (crf) => ({
    encoder: CODECS.vp9.encoder,
    cost: CODECS.vp9.cost[PRESET],
    options: ['-deadline', 'good', '-cpu-used', '5', '-crf', crf, '-b:v', '0'],
  }),
  // Not SVT-AV1: pictures may be smaller than the 64 px a side that it takes.
  avif: (crf, effort) => ({
    encoder: 'libaom-av1',
    cost: AOM_COST,
    options: [
      '-usage',
      'good',
      '-cpu-used',
      String(Math.min(8, 9 - effort)),
      '-crf',
      crf,
      '-b:v',
      '0',
      '-lag-in-frames',
      '0',
    ],
  }),
};

function filmCommand(frames: Frames, spec: ImageRenditionSpec, part: string): FfmpegCommand {
  const { format, width, height, delays } = frames;
  const { crf, quality } = DRAWN_FORMATS[format];
  const total = delays.reduce((sum, delay) => sum + delay, 0);
  const { encoder, cost, options } = ENCODERS[format](String(crf(spec.quality ?? quality)), spec.effort ?? 2);
  const chain = [
    'scale=out_color_matrix=bt709:out_range=tv',
    'format=yuv420p,setparams=range=tv:color_primaries=bt709:color_trc=bt709:colorspace=bt709,setsar=1',
  ];
  return {
    inputs: [
      {
        options: [...inputStart(1, 'mov')],
        file: fileUrl(frames.file),
      },
    ],
    filterGraph: `[0:v:0]${chain.join(',')}[film]`,
    outputs: [
      {
        options: [
          ...['-map', '[film]', '-map_metadata', '-1', '-c:v', encoder, ...options, '-threads', '1', '-g', '250'],
          ...['-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
          // What ffmpeg does not know: how long the last frame shows. Of the others the next one says it.
          ...['-bsf:v', `setts=duration=${format === 'avif' ? 1 : delays.at(-1)}`],
          ...['-f', format],
        ],
        file: fileUrl(part),
      },
    ],
    bounds: filmBounds(total / 1000, delays.length * width * height, cost),
  };
}
