import path from 'node:path';
import { fileUrl } from '../video/ffmpeg/command';
import { soundBounds } from '../video/ffmpeg/bounds';
import { source } from './commands';
import { checkComplete, run } from './encode';
import type { AudioInput } from './types';

/** Samples a second that models hear. */
const RATE = 16_000;

/**
 * Decodes the sound into samples as models hear them: 16 bits, little-endian, mono, 16 kHz.
 * @returns path of the file, in `outputDir`
 * @throws as measureLoudness does
 */
export async function writeSamples(input: Omit<AudioInput, 'plan'>): Promise<string> {
  const file = path.resolve(input.outputDir, 'samples.s16');
  const { probe, maxDuration } = input;
  const shape = `aformat=sample_rates=${RATE}:channel_layouts=mono:sample_fmts=s16`;
  const { seconds } = await run(input, {
    inputs: [source(input)],
    filterGraph: `[0:${probe.index}]${shape}[sound]`,
    outputs: [{ options: ['-map', '[sound]', '-f', 's16le'], file: fileUrl(file) }],
    bounds: soundBounds(probe.durationSeconds, (16 * RATE) / 1000, maxDuration),
  });
  checkComplete(input, seconds);
  return file;
}
