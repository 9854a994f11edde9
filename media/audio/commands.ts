import path from 'node:path';
import { extensionOf } from '../../common/file-types';
import { fileUrl, inputStart, type FfmpegCommand, type FfmpegOutput } from '../video/ffmpeg/command';
import { soundBounds } from '../video/ffmpeg/bounds';
import { audioCodec, OUTPUT_RATE } from './codecs';
import { loudnormFilter, type Measured } from './loudness';
import { peaksFilters } from './peaks';
import { demuxersOf } from './probe';
import type { AudioInput, SoundPlan } from './types';

/** The cover as it lies in the source, and what the samples of the waveform are counted into; in the output folder. */
export const COVER = 'cover';
export const PEAKS = 'peaks.txt';

/**
 * Files whose frames carry all that a decoder needs are cut out of streams, glued together and followed by tags: players
 * skip what is no frame, and so is done here. Of all others a fault is a sign of damage.
 */
const FORGIVING = ['mp3', 'aac'];
const STRICT = ['-xerror', '-err_detect', 'explode'];
const NOTHING = { options: ['-f', 'null'], file: '-' };

/** Name of a finished file. */
export function soundName({ name, codec }: SoundPlan): string {
  return `${name}.${extensionOf(audioCodec(codec).mime)}`;
}

/** Decodes the sound into nothing, with its loudness in the report. */
export function measureCommand(input: AudioInput): FfmpegCommand {
  const chain = [shape(input), 'ebur128=peak=true:framelog=verbose'];
  return {
    inputs: [source(input)],
    filterGraph: `[0:${input.probe.index}]${chain.join(',')}[sound]`,
    outputs: [{ ...NOTHING, options: ['-map', '[sound]', ...NOTHING.options] }],
    bounds: soundBounds(input.probe.durationSeconds, 0, input.maxDuration),
  };
}

interface SecondPass {
  /** Absent: the level is kept. */
  measured?: Measured;
  /** Samples of one point of the waveform. */
  perPixel: number;
  /** Where a file lies until it is finished. */
  partOf: (name: string) => string;
}

/** Everything of the plan from one decode: each sound, the numbers of the waveform, the cover as it is. */
export function encodeCommand(input: AudioInput, { measured, perPixel, partOf }: SecondPass): FfmpegCommand {
  const { plan, probe } = input;
  // In its dynamic mode loudnorm leaves the sound at 192 kHz.
  const normalise =
    plan.target && measured
      ? [loudnormFilter(plan.target, measured, probe.durationSeconds), `aresample=${OUTPUT_RATE}`]
      : [];
  const pads = [...plan.sounds.map((_, index) => `[sound-${index}]`), ...(plan.waveform ? ['[peaks]'] : [])];
  const split = [shape(input), ...normalise, `asplit=${pads.length}`].join(',');
  const counted = plan.waveform ? `;[peaks]${peaksFilters(perPixel, PEAKS)}[counted]` : '';
  const outputs = plan.sounds.map((sound, index) => soundOutput(input, sound, pads[index] ?? '', partOf));
  if (plan.waveform) outputs.push({ ...NOTHING, options: ['-map', '[counted]', ...NOTHING.options] });
  if (plan.wantsCover) outputs.push(coverOutput(input));
  return {
    inputs: [source(input)],
    filterGraph: `[0:${probe.index}]${split}${pads.join('')}${counted}`,
    outputs,
    bounds: soundBounds(probe.durationSeconds, Math.max(...plan.sounds.map(({ kbps }) => kbps)), input.maxDuration),
  };
}

export function source({ input, probe, settings }: Pick<AudioInput, 'input' | 'probe' | 'settings'>) {
  const strict = FORGIVING.includes(probe.format) ? [] : STRICT;
  const file = fileUrl(path.resolve(input));
  return { options: [...inputStart(settings.threads, demuxersOf(probe.format)), ...strict], file };
}

/** To the rate and the channels of all outputs: both passes have to hear the same. */
function shape({ plan }: AudioInput): string {
  return `aformat=sample_rates=${OUTPUT_RATE}:channel_layouts=${plan.layout}`;
}

function soundOutput(
  { plan, settings }: AudioInput,
  sound: SoundPlan,
  pad: string,
  partOf: SecondPass['partOf'],
): FfmpegOutput {
  const { encoder, options, container } = audioCodec(sound.codec);
  const tags = Object.entries(plan.tags).flatMap(([name, value]) => ['-metadata', `${name}=${value}`]);
  return {
    options: [
      ...['-map', pad, '-c:a', encoder, '-b:a', `${sound.kbps}k`, ...options],
      ...['-map_metadata', '-1', '-map_chapters', '-1', ...tags],
      ...['-threads', String(settings.threads), ...container],
    ],
    file: fileUrl(partOf(soundName(sound))),
  };
}

/** The bytes of the picture as they are: what reads pictures decides whether they are one. */
function coverOutput({ probe, outputDir }: AudioInput): FfmpegOutput {
  return {
    options: ['-map', `0:${probe.cover}`, '-c:v', 'copy', '-frames:v', '1', '-map_metadata', '-1', '-f', 'rawvideo'],
    file: fileUrl(path.resolve(outputDir, COVER)),
  };
}
