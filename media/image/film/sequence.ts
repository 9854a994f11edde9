import { rm } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { STRICT } from '../../video/compose';
import { filmBounds } from '../../video/ffmpeg/bounds';
import { ffprobeArgs, fileUrl, inputStart, type FfmpegCommand } from '../../video/ffmpeg/command';
import { runFfmpeg } from '../../video/ffmpeg/run';
import { isHdrTransfer } from '../../video/hdr';
import { throwIfTooLarge, toVideoError } from '../../video/ffmpeg/video-failures';
import { countPackets, runFfprobe } from '../../video/probe/probe';
import { assertWithin } from '../limits';
import type { ImageLimits } from '../types';
import type { FilmStep } from '.';

/** As sniffed. */
export const SEQUENCE = 'avifs';
/** The demuxer that reads AVIF animations. */
const READER = 'mov';
const NAME = 'AVIF animation';
/** Bytes of an APNG for a px of its frames at most: RGBA that does not compress, and the filter of each row. */
const MOST_BYTES = 5;

/** A track of pictures: colours, or how opaque they are. */
interface Track {
  index: number;
  width: number;
  height: number;
  pix_fmt?: string;
  color_range?: string;
  color_transfer?: string;
}

/**
 * Writes an AVIF animation as an APNG, which the image processes read: all frames, with their delays and their transparency. In
 * sRGB, 8 bits a channel.
 * @param output path of the APNG
 * @throws DarkroomError UnsupportedMedia, CorruptMedia, MediaTooLarge, EncoderFailed; after an abort the signal's reason
 */
export async function sequenceAsApng(
  input: string,
  output: string,
  limits: ImageLimits,
  step: Pick<FilmStep, 'settings' | 'signal'>,
): Promise<void> {
  const tracks = await tracksOf(input, step);
  const [colours] = tracks;
  if (colours === undefined) throw damaged('has no pictures in it');
  const { width, height } = colours;
  // Counted: what ffmpeg writes says of itself that it takes no time.
  const { settings, signal } = step;
  const counted = await countPackets(input, colours.index, settings, signal, undefined, READER, 'animation');
  const { frames = 0, durationSeconds = 0 } = counted ?? {};
  if (!(width > 0 && height > 0 && frames > 0)) throw damaged('has no pictures in it');
  assertWithin(limits, width, height, frames);
  if (isHdrTransfer(colours.color_transfer)) {
    throw new DarkroomError('UnsupportedMedia', `This is an ${NAME} in HDR, which is not read; export it in SDR.`);
  }
  const alpha = tracks.find((track) => track.index !== colours.index && /^gray/.test(track.pix_fmt ?? ''));
  const pixels = width * height * frames;
  const command: FfmpegCommand = {
    inputs: [{ options: [...inputStart(1, READER), ...STRICT], file: fileUrl(input) }],
    filterGraph: graph(colours, alpha),
    outputs: [
      {
        options: [
          ...['-map', '[all]', '-map_metadata', '-1', '-fps_mode', 'passthrough', '-enc_time_base', '1:1000'],
          ...['-c:v', 'apng', '-compression_level', '1', '-threads', '1', '-frames:v', String(frames + 1)],
          // The last frame shows as long as the one before. 0: the animation repeats for ever.
          ...['-plays', '0', '-f', 'apng'],
        ],
        file: fileUrl(output),
      },
    ],
    bounds: { ...filmBounds(durationSeconds, pixels, 0), fileBytes: 2 ** 26 + MOST_BYTES * pixels },
  };
  try {
    const made = await runFfmpeg(command, { ...step, reads: 'animation' });
    if (made.frames !== frames) throw damaged('is cut short: frames are missing');
  } catch (error) {
    await rm(output, { force: true });
    throw error;
  }
}

const damaged = (what: string): DarkroomError => new DarkroomError('CorruptMedia', `The ${NAME} ${what}.`);

async function tracksOf(input: string, { settings, signal }: Pick<FilmStep, 'settings' | 'signal'>): Promise<Track[]> {
  const facts = 'stream=index,codec_type,width,height,pix_fmt,color_range,color_transfer';
  try {
    const { stdout, stderrTail } = await runFfprobe(ffprobeArgs(input, facts, READER), settings, signal);
    throwIfTooLarge(stderrTail);
    const { streams = [] } = JSON.parse(stdout) as { streams?: (Track & { codec_type?: string })[] };
    return streams.filter(({ codec_type }) => codec_type === 'video');
  } catch (error) {
    throw toVideoError(error, 'animation');
  }
}

/** Untagged YCbCr is read by the matrix of BT.601, as other readers of AVIF do. */
function graph({ index, width, height }: Track, alpha: Track | undefined): string {
  const colours = `[0:${index}]scale=out_range=pc:flags=accurate_rnd+full_chroma_int,format=gbrp`;
  if (alpha === undefined) return `${colours},format=rgb24[all]`;
  // ffmpeg leaves the range of grey as it is. Older encoders wrote opacity in the range of video.
  const full = alpha.color_range === 'tv' ? ",lut=c0='clip((val-16)*255/219,0,255)'" : '';
  const opacity = `[0:${alpha.index}]scale=${width}:${height},format=gray${full}[alpha]`;
  return `${colours}[colours];${opacity};[colours][alpha]alphamerge,format=rgba[all]`;
}
