import { stat } from 'node:fs/promises';
import { DarkroomError } from '../../../common/errors';
import { runProcess, type ProcessResult } from '../../../common/process';
import { sniffFile } from '../../sniff';
import { countPacketsArgs, ffprobeArgs, firstPictureArgs, FORMATS } from '../ffmpeg/command';
import type { HdrMetadata } from '../hdr';
import { checkPixels } from '../ffmpeg/bounds';
import { codedAs, throwIfTooLarge, toVideoError, type Media } from '../ffmpeg/video-failures';
import { FRAME_ENTRIES, hdrMetadata, type FrameJson } from './hdr-metadata';
import {
  countStreams,
  isDolbyVisionOnly,
  needsCount,
  pictureStream,
  soundStream,
  toProbe,
  withTrueDurations,
  type FfprobeJson,
  type PacketCount,
} from './probe-facts';
import { known } from './values';
import type { FfmpegSettings, MediaProbe, StepInput } from '../types';

export interface ProbeLimits {
  /** ms */
  maxDuration: number;
  maxStreams: number;
}

/**
 * Finds out what a video file is, with one ffprobe (two where the file does not state its duration).
 * @throws DarkroomError UnsupportedMedia, CorruptMedia or MediaTooLarge; EncoderFailed where ffprobe itself broke down
 */
export async function probeVideo(
  input: string,
  limits: ProbeLimits,
  settings: FfmpegSettings,
  signal?: AbortSignal,
  onProgress?: StepInput['onProgress'],
): Promise<MediaProbe> {
  signal?.throwIfAborted();
  const format = await sniffVideo(input);
  const json = withTrueDurations(await ffprobe(input, settings, signal), format);
  const streams = countStreams(json);
  if (streams > limits.maxStreams) {
    throw new DarkroomError('MediaTooLarge', `The file has ${streams} streams; ${limits.maxStreams} are allowed.`);
  }
  const picture = pictureStream(json);
  if (picture === undefined) throw withoutPicture(json);
  if (isDolbyVisionOnly(picture)) throw new DarkroomError('UnsupportedMedia', DOLBY_VISION);
  const counted = needsCount(json, format)
    ? await countPackets(input, picture.index, settings, signal, onProgress)
    : undefined;
  const probe = toProbe(json, format, counted);
  if (probe === undefined) throw new DarkroomError('CorruptMedia', 'The video has no pictures in it.');
  const longest = limits.maxDuration / 1000;
  if (probe.durationSeconds > longest) {
    throw new DarkroomError(
      'MediaTooLarge',
      `The video is ${Math.ceil(probe.durationSeconds)} s long; ${longest} s are allowed.`,
    );
  }
  checkPixels(probe.video);
  if (!probe.video.hdr) return probe;
  return { ...probe, video: { ...probe.video, hdrMetadata: await besideFirstPicture(input, probe, settings, signal) } };
}

/** Static metadata of HDR; some containers and codecs have them in the pictures only. Damage there is found later. */
async function besideFirstPicture(
  input: string,
  { video }: MediaProbe,
  settings: FfmpegSettings,
  signal?: AbortSignal,
): Promise<HdrMetadata> {
  try {
    const { stdout } = await runFfprobe(firstPictureArgs(input, video.index, FRAME_ENTRIES), settings, signal);
    return hdrMetadata(JSON.parse(stdout) as FrameJson);
  } catch {
    signal?.throwIfAborted();
    return {};
  }
}

const DOLBY_VISION =
  'The video is Dolby Vision of profile 5, whose colours Darkroom cannot read; send it in HDR10, HLG, SDR or profile 8.';

/** The type by first bytes. A playlist or a list of files never gets as far as ffprobe, which refuses them too. */
async function sniffVideo(input: string): Promise<string> {
  const { size } = await stat(input);
  if (size === 0) throw new DarkroomError('CorruptMedia', 'The file is empty.');
  const sniffed = await sniffFile(input);
  if (sniffed === undefined) throw new DarkroomError('UnsupportedMedia', 'The file is of no type that Darkroom knows.');
  if (sniffed.kind === 'audio') throw new DarkroomError('UnsupportedMedia', 'The file has sound but has no video.');
  if (sniffed.kind !== 'video') {
    throw new DarkroomError('UnsupportedMedia', `The file is not a video: it is ${sniffed.name}.`);
  }
  return sniffed.format;
}

/** A picture stream of an unknown codec is another kind of file, as is none at all; one without a size is damage. */
function withoutPicture(json: FfprobeJson): DarkroomError {
  const video = (json.streams ?? []).find(
    (stream) => stream.codec_type === 'video' && !stream.disposition?.attached_pic,
  );
  const tag = video?.codec_tag_string ?? '';
  if (video !== undefined && !known(video.codec_name) && /^[\w-]{2,4}$/.test(tag)) {
    return new DarkroomError('UnsupportedMedia', codedAs(tag));
  }
  return video
    ? new DarkroomError('CorruptMedia', 'The video is damaged: its pictures cannot be read.')
    : new DarkroomError('UnsupportedMedia', 'The file has no video in it.', {
        soundOnly: soundStream(json) !== undefined,
      });
}

async function ffprobe(input: string, settings: FfmpegSettings, signal?: AbortSignal): Promise<FfprobeJson> {
  try {
    const { stdout, stderrTail } = await runFfprobe(ffprobeArgs(input), settings, signal);
    throwIfTooLarge(stderrTail);
    return JSON.parse(stdout) as FfprobeJson;
  } catch (error) {
    throw toVideoError(error);
  }
}

/** An ffprobe that answers with JSON, within its bounds. @throws ProcessError */
export function runFfprobe(args: string[], settings: FfmpegSettings, signal?: AbortSignal): Promise<ProcessResult> {
  return runProcess(settings.ffprobePath, args, { ...bounds(settings, signal), stdoutMaxBytes: 2 ** 20 });
}

/** Counting the packets of the largest source takes a part of this. */
const PROBE_CPU_SECONDS = 600;

/**
 * Seconds between two packets from which on ffmpeg takes the clock for broken (its -dts_delta_threshold), and goes on as if
 * the second one followed the first one at once.
 */
const JUMP_SECONDS = 10;

/** Reads every packet of the stream: slow for a long file, but only live recordings and broadcasts need it. */
export async function countPackets(
  input: string,
  index: number,
  settings: FfmpegSettings,
  signal?: AbortSignal,
  onProgress?: StepInput['onProgress'],
  formats = FORMATS,
  media: Media = 'video',
): Promise<PacketCount | undefined> {
  let [frames, jumps, timed] = [0, 0, 0];
  let [first, end] = [Infinity, 0];
  let [last, played] = [NaN, 0];
  let firstKey: number | undefined;
  const onLine = (line: string) => {
    // Side data has lines of its own, which are empty.
    if (line === '') return;
    const words = line.split(',');
    const [pts = NaN, dts = NaN, duration = NaN] = words.map(parseFloat);
    frames++;
    if (words[3]?.startsWith('K')) firstKey ??= pts;
    onProgress?.({ frames, outTimeSeconds: end, speed: 0 });
    if (!Number.isNaN(pts)) {
      timed++;
      first = Math.min(first, pts);
      end = Math.max(end, pts + (Number.isNaN(duration) ? 0 : duration));
    }
    const time = Number.isNaN(dts) ? pts : dts;
    if (Number.isNaN(time)) return;
    const step = time - last;
    const isJump = step < 0 || step >= JUMP_SECONDS;
    if (isJump) jumps++;
    played += isJump || Number.isNaN(step) ? duration || 0 : step;
    last = time;
  };
  try {
    const { timeoutMs: stallMs, ...rest } = bounds(settings, signal);
    await runProcess(settings.ffprobePath, countPacketsArgs(input, index, formats), { ...rest, stallMs, onLine });
  } catch (error) {
    throw toVideoError(error, media);
  }
  if (frames === 0) return undefined;
  if (timed === 0) return { frames, jumps: 0 };
  const undecodableSeconds = Math.max(0, (firstKey ?? first) - first);
  return { frames, jumps, undecodableSeconds, durationSeconds: jumps > 0 ? played : Math.max(end - first, 0.001) };
}

function bounds(settings: FfmpegSettings, signal?: AbortSignal) {
  const limits = { memoryBytes: settings.maxMemory, cpuSeconds: PROBE_CPU_SECONDS, fileBytes: 0, openFiles: 64 };
  return { signal, timeoutMs: settings.stallMs, apart: true, ...limits };
}
