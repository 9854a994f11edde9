import path from 'node:path';
import { DarkroomError } from '../../../common/errors';
import { seek, STRICT } from '../compose';
import { runBounds } from '../ffmpeg/bounds';
import { fileUrl, inputStart } from '../ffmpeg/command';
import { runFfmpeg } from '../ffmpeg/run';
import type { StepInput } from '../types';

/** Where in the source seeking is tried, as parts of its duration. */
const TRIED = [0.4, 0.8];

/**
 * Can the source be decoded from its keyframes, as chunks need it? In open groups of pictures, some pictures behind a
 * keyframe need others before it, and strict decoding fails there.
 */
export async function canSeek(step: Pick<StepInput, 'input' | 'probe' | 'maxDuration' | 'settings' | 'signal'>) {
  const { input, probe, settings, signal } = step;
  const from = probe.clip?.start ?? 0;
  for (const part of TRIED) {
    const options = [...inputStart(1), ...seek({ start: from + part * probe.durationSeconds }), ...STRICT];
    try {
      await runFfmpeg(
        {
          inputs: [{ options, file: fileUrl(path.resolve(input)) }],
          outputs: [{ options: ['-map', `0:${probe.video.index}`, '-frames:v', '3', '-f', 'null'], file: '-' }],
          bounds: { ...runBounds(probe, [], step.maxDuration), seconds: 2 * (from + probe.durationSeconds) },
        },
        { settings, signal },
      );
    } catch (error) {
      if (error instanceof DarkroomError && error.details['reason'] === 'exit') return false;
      throw error;
    }
  }
  return true;
}
