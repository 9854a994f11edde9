import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { checkComplete } from '../check/complete';
import { badOutput, fileFacts, finished } from '../check/finish';
import { codecOf } from '../codecs';
import { copyBounds } from '../ffmpeg/bounds';
import { FENCE, fileUrl, inputStart, type FfmpegCommand } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import { checkForm, readOutput, rungFile } from '../outputs/rung';
import type { RungPlan, StepInput, VideoFile } from '../types';

export interface JoinInput extends Omit<StepInput, 'input'> {
  rung: RungPlan;
  /** Of the track, from any chunk. */
  init: string;
  /** Every segment, in order. */
  segments: string[];
  /** Pictures in all of them. */
  frames: number;
  /** The sound, encoded already; absent where the rung has none. */
  sound?: string;
}

/**
 * One MP4 of the segments of all chunks of a rung, and the sound. Nothing is decoded or encoded.
 * @throws DarkroomError CorruptMedia where the source turned out to be shorter than it states; EncoderFailed where
 * pictures are lost
 */
export function joinChunks(input: JoinInput): Promise<VideoFile> {
  const { rung, probe, outputDir, settings, signal, onProgress } = input;
  const name = `${rung.name}.mp4`;
  return finished(outputDir, [name], async () => {
    const part = path.resolve(outputDir, `${name}.part`);
    const track = path.resolve(outputDir, `${rung.name}.track`);
    await appendAll(track, [input.init, ...input.segments], input);
    const { size } = await stat(track);
    const sound = rung.audioBitrate !== undefined && input.sound !== undefined ? path.resolve(input.sound) : undefined;
    const bytes = size + (sound === undefined ? 0 : (await stat(sound)).size);
    const command = joinCommand(rung, track, sound, part, copyBounds(1.05 * probe.durationSeconds, 2 * bytes));
    await runFfmpeg(command, { settings, signal, onProgress });
    const facts = await readOutput(part);
    checkForm(facts, { ...rung, audioBitrate: sound === undefined ? undefined : rung.audioBitrate });
    if (facts.video?.frames !== input.frames) {
      throw badOutput('Pictures were lost when the chunks were joined.', {
        frames: facts.video?.frames ?? 0,
        framesWanted: input.frames,
      });
    }
    checkComplete(facts, probe, rung);
    return rungFile(facts, rung, { file: path.resolve(outputDir, name), ...(await fileFacts(part, input)) });
  });
}

/** One file after the other into one; the header first. */
async function appendAll(to: string, files: string[], { signal, onProgress }: JoinInput): Promise<void> {
  let bytes = 0;
  async function* all(): AsyncGenerator<Buffer> {
    for (const file of files) {
      for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
        bytes += piece.length;
        yield piece;
      }
      onProgress?.({ step: 'read', bytes });
    }
  }
  await pipeline(all, createWriteStream(to), { signal });
}

function joinCommand(
  rung: RungPlan,
  track: string,
  sound: string | undefined,
  to: string,
  bounds: FfmpegCommand['bounds'],
): FfmpegCommand {
  return {
    inputs: [
      { options: [...inputStart(1), '-xerror'], file: fileUrl(track) },
      ...(sound === undefined ? [] : [{ options: FENCE, file: fileUrl(sound) }]),
    ],
    outputs: [
      {
        options: [
          ...['-map', '0:v:0', ...(sound === undefined ? [] : ['-map', '1:a:0']), '-c', 'copy'],
          ...['-tag:v', codecOf(rung).entry, '-map_metadata', '-1', '-map_chapters', '-1'],
          ...['-movflags', '+faststart', '-f', 'mp4'],
        ],
        file: fileUrl(to),
      },
    ],
    bounds,
  };
}
