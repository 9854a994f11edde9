import { readFile } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { badOutput } from '../check/finish';
import { readMp4, type Mp4Facts } from '../check/mp4';
import { pictureSize, webpFrames } from '../check/picture';
import { codecOf } from '../codecs';
import { runBounds } from '../ffmpeg/bounds';
import { FENCE, fileUrl, inputStart, type FfmpegCommand } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import { fraction } from '../fraction';
import type { PreviewPlan, StepInput, VideoFile } from '../types';
import type { Branch } from './branch';
import { previewFilters } from './filters';

const MP4 = 'preview.mp4';
const WEBP = 'preview.webp';
/** H.264, which plays everywhere; a preview is small and short, so its look is what counts. */
const VIDEO = { crf: 26, speed: 'veryfast' } as const;
const WEBP_QUALITY = '60';
/** kbit/s for the bound on the size of either file: far more than a preview takes. */
const MOST_KBPS = 20_000;

/** How much later than it should the first picture of a scene may come. */
const LATE_SECONDS = 2;

/**
 * A clip of scenes from all over the video, as `preview.mp4` and, with fewer frames, `preview.webp` that repeats for ever.
 * The scenes are sought, so that a film is not decoded for a few seconds of it.
 */
export function previewBranch(preview: PreviewPlan): Branch {
  const { width, height } = preview;
  return {
    id: 'preview',
    names: [MP4, WEBP],
    makes: { width: 0, height: 0 },
    finish: async ({ step, partOf, measure }) => {
      const { settings, signal, onProgress } = step;
      const files = { mp4: partOf(MP4), webp: partOf(WEBP) };
      const make = async (starts: number[]): Promise<Mp4Facts | undefined> => {
        await runFfmpeg(command(step, { ...preview, starts }, files), {
          settings,
          signal,
          onProgress,
          cwd: step.outputDir,
        });
        // Without any picture, ffmpeg ends well and writes a file without a track.
        return readMp4(files.mp4).catch(() => undefined);
      };
      // The end of a file whose stated duration is too long has no pictures; its beginning has.
      const facts = (await make(preview.starts)) ?? (await make([0]));
      if (facts === undefined) throw new DarkroomError('CorruptMedia', 'The video has no picture that can be read.');
      checkMp4(facts, preview);
      const frames = checkWebp(await readFile(files.webp), preview);
      const { durationSeconds, codecs } = facts;
      const same = { role: 'preview', width, height, durationSeconds } as const;
      const film: VideoFile = {
        ...{ name: 'preview', mime: 'video/mp4', ...same },
        ...{ frames: facts.video?.frames, codecs, ...(await measure(MP4)) },
      };
      return [film, { name: 'preview-webp', mime: 'image/webp', ...same, frames, ...(await measure(WEBP)) }];
    },
  };
}

/** Every scene is an input of its own, so that ffmpeg seeks it. */
function command(step: StepInput, preview: PreviewPlan, files: { mp4: string; webp: string }): FfmpegCommand {
  const { input, probe, settings, maxDuration } = step;
  const { starts, width, height } = preview;
  const seconds = (preview.frames * fraction(preview.fps).den) / fraction(preview.fps).num;
  const zero = (probe.startsAt ?? 0) + (probe.clip?.start ?? 0);
  const codec = codecOf({});
  const bare = ['-an', '-map_metadata', '-1', '-map_chapters', '-1'];
  const rate = { gop: preview.frames, maxrate: MOST_KBPS, bufsize: 2 * MOST_KBPS, threads: settings.threads };
  const options = codec.options({ ...VIDEO, ...rate }).map((word, at) => (at % 2 === 0 ? `-${word}:v` : word));
  return {
    inputs: starts.map((start, index) => ({
      options: [
        // Options of the whole run, then those of each input.
        ...(index === 0 ? inputStart(1) : [...FENCE, '-threads', '1']),
        // More than the scene, for pictures that come late.
        ...['-ss', (zero + start).toFixed(6), '-t', (seconds + LATE_SECONDS).toFixed(6)],
      ],
      file: fileUrl(input),
    })),
    filterGraph: previewFilters(probe.video, preview, step.marks?.preview),
    outputs: [
      {
        options: [
          ...['-map', '[preview-mp4]', '-c:v', codec.encoder, '-tag:v', codec.entry, ...options],
          ...['-threads', String(settings.threads), ...bare, '-movflags', '+faststart', '-f', 'mp4'],
        ],
        file: fileUrl(files.mp4),
      },
      {
        options: [
          ...['-map', '[preview-webp]', '-c:v', 'libwebp_anim', '-quality', WEBP_QUALITY, '-compression_level', '2'],
          ...['-loop', '0', '-threads', '1', ...bare, '-f', 'webp'],
        ],
        file: fileUrl(files.webp),
      },
    ],
    bounds: runBounds(probe, [{ width, height, kbps: MOST_KBPS }], maxDuration),
  };
}

function checkMp4({ video, codecs, fastStart }: Mp4Facts, { width, height, starts, frames }: PreviewPlan): void {
  if (video?.width !== width || video.height !== height || codecs.includes('mp4a') || !fastStart) {
    throw badOutput('The encoder wrote another preview than was asked for.', { codecs });
  }
  // Every scene that is there has all of its pictures; one without any is left out.
  if (video.frames === 0 || video.frames % frames !== 0 || video.frames > starts.length * frames) {
    throw badOutput('The encoder lost pictures of the preview.', { frames: video.frames, framesOfScene: frames });
  }
}

/** @returns the number of pictures */
function checkWebp(bytes: Buffer, plan: PreviewPlan): number {
  const { width, height } = pictureSize(bytes, 'webp');
  if (width !== plan.width || height !== plan.height) {
    throw badOutput('The encoder wrote another preview than was asked for.', { width, height });
  }
  return webpFrames(bytes);
}
