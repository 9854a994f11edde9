import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { DarkroomError } from '../../common/errors';
import type { Rendition } from '../../common/contracts';
import { badOutput, fileFacts, finished } from '../video/check/finish';
import { readMp4 } from '../video/check/mp4';
import { runReported } from '../video/ffmpeg/run';
import { longerThanStated } from '../video/ffmpeg/video-failures';
import { audioCodec, OUTPUT_RATE } from './codecs';
import { COVER, encodeCommand, measureCommand, PEAKS, soundName } from './commands';
import { readMeasured, readNormalised, type Measured } from './loudness';
import { readOpus } from './ogg';
import { readPeaks, samplesPerPixel } from './peaks';
import { CHANNELS } from './plan';
import type { AudioFile, AudioInput, AudioOutcome, SoundPlan } from './types';
import { drawWaveform } from './waveform';

const WAVEFORM = 'waveform.png';
const PEAKS_JSON = 'peaks.json';

export interface FirstPass {
  /** That were decoded. */
  seconds: number;
  /** Absent for silence. */
  measured?: Measured;
}

/**
 * The first pass: decodes everything once and measures how loud it is.
 * @throws DarkroomError CorruptMedia where the source breaks off, does not decode or is longer than stated; MediaTooLarge;
 * UnsupportedMedia; EncoderFailed; StorageUnavailable. After an abort the signal's reason
 */
export async function measureLoudness(input: AudioInput): Promise<FirstPass> {
  const { report, seconds } = await run(input, measureCommand(input));
  checkComplete(input, seconds);
  const measured = readMeasured(report);
  return { seconds, ...(measured && { measured }) };
}

/**
 * The second pass: decodes once more, brings the sound to the target's level and makes everything of the plan.
 * @param first absent: the level is kept
 * @throws as measureLoudness does
 */
export async function encodeAudio(input: AudioInput, first?: FirstPass): Promise<AudioOutcome> {
  const { plan, probe, outputDir } = input;
  const names = [...plan.sounds.map(soundName), ...(plan.waveform ? [WAVEFORM, PEAKS_JSON] : [])];
  const partOf = (name: string) => path.resolve(outputDir, `${name}.part`);
  const perPixel = plan.waveform
    ? samplesPerPixel(first?.seconds ?? probe.durationSeconds, OUTPUT_RATE, plan.waveform.points)
    : 0;
  return finished(outputDir, names, async () => {
    const { report } = await run(input, encodeCommand(input, { measured: first?.measured, perPixel, partOf }));
    const loudness = first?.measured && readNormalised(report);
    const files: AudioFile[] = [];
    for (const sound of plan.sounds) {
      files.push(await finishSound(input, sound, partOf(soundName(sound)), loudness));
    }
    if (plan.waveform) files.push(...(await finishWaveform(input, perPixel, partOf)));
    const silent = first !== undefined && first.measured === undefined;
    return {
      files,
      durationSeconds: files[0]?.durationSeconds ?? probe.durationSeconds,
      ...(first?.measured && { loudness: loudnessOf(first.measured) }),
      ...(plan.wantsCover && { cover: path.resolve(outputDir, COVER) }),
      warnings: silent ? ['The sound is silent, so its level was kept.'] : [],
    };
  });
}

function loudnessOf({ integrated, truePeak, range }: Measured): AudioOutcome['loudness'] {
  return { integrated, truePeak, range };
}

/** Runs ffmpeg, and reads what its filters report. */
export async function run(
  { settings, signal, onProgress, outputDir }: Omit<AudioInput, 'plan'>,
  command: Parameters<typeof runReported>[0],
): Promise<{ report: string; seconds: number }> {
  const cwd = path.resolve(outputDir);
  const { last, report } = await runReported(command, { settings, signal, onProgress, cwd, reads: 'audio' });
  return { report, seconds: last.outTimeSeconds };
}

/**
 * ffmpeg ends with exit code 0 on a file that breaks off, so what was decoded is compared with what the file states:
 * containers round, and encoders add silence at both ends, so half a second or 2 % may be missing, but never a third.
 */
export function checkComplete({ probe }: Pick<AudioInput, 'probe'>, seconds: number): void {
  const stated = probe.durationSeconds;
  const rounding = Math.max(0.5, 0.02 * stated);
  if (seconds > stated + 4 * rounding) throw longerThanStated({ outTimeSeconds: seconds }, stated, 'audio');
  if (seconds > 0 && seconds >= stated - Math.min(stated / 3, rounding)) return;
  throw new DarkroomError('CorruptMedia', 'The audio is cut short or damaged: part of its sound is missing.', {
    seconds,
    secondsStated: stated,
  });
}

async function finishSound(
  input: AudioInput,
  sound: SoundPlan,
  part: string,
  loudness: ReturnType<typeof readNormalised>,
): Promise<AudioFile> {
  const { name, codec } = sound;
  const read = codec === 'opus' ? readOpus(part) : readMp4(part);
  const facts = await read.catch((error: unknown) => {
    throw badOutput('The encoder wrote a file that cannot be read.', { cause: String(error) });
  });
  const { durationSeconds } = facts;
  checkComplete(input, durationSeconds);
  const { bytes, sha256 } = await fileFacts(part, input);
  return {
    ...{
      name,
      role: 'audio' as const,
      mime: audioCodec(codec).mime,
      file: path.resolve(input.outputDir, soundName(sound)),
    },
    ...{ bytes, sha256, durationSeconds, codecs: 'codecs' in facts ? facts.codecs : codec },
    bitrate: Math.round((8 * bytes) / 1000 / durationSeconds),
    audio: { channels: CHANNELS[input.plan.layout], sampleRate: OUTPUT_RATE, ...(loudness && { loudness }) },
  };
}

/** Draws the waveform from what ffmpeg counted. */
async function finishWaveform(
  input: AudioInput,
  perPixel: number,
  partOf: (name: string) => string,
): Promise<AudioFile[]> {
  const { plan, outputDir } = input;
  if (plan.waveform === undefined) return [];
  const printed = path.resolve(outputDir, PEAKS);
  const peaks = readPeaks(await readFile(printed, 'latin1'), OUTPUT_RATE, perPixel);
  await rm(printed, { force: true });
  if (peaks.length === 0) throw badOutput('The encoder counted no samples.', {});
  const { width, height } = plan.waveform;
  const write = async (
    name: string,
    bytes: Buffer | string,
    facts: Pick<Rendition, 'name' | 'mime' | 'width' | 'height'>,
  ) => {
    await writeFile(partOf(name), bytes);
    const measured = await fileFacts(partOf(name), input);
    return { ...facts, role: 'waveform' as const, file: path.resolve(outputDir, name), ...measured };
  };
  return [
    await write(WAVEFORM, drawWaveform(peaks, plan.waveform), { name: 'waveform', mime: 'image/png', width, height }),
    await write(PEAKS_JSON, JSON.stringify(peaks), { name: 'peaks', mime: 'application/json' }),
  ];
}
