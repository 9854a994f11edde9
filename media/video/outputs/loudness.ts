import path from 'node:path';
import { loudnormFilter, readMeasured } from '../../audio/loudness';
import { mainInput, soundFilters, soundKey, type Composition } from '../compose';
import { soundBounds } from '../ffmpeg/bounds';
import { runReported } from '../ffmpeg/run';
import type { StepInput, VideoPlan } from '../types';

/** dBTP that no sample between the samples exceeds before encoding, and LU from which on a wider range is compressed. */
const TRUE_PEAK = -1.5;
const RANGE = 20;

/**
 * The first pass of EBU R 128: how loud each sound of a run is that will be encoded, all of them by one reading.
 * @returns filters that bring each to the plan's level; of silence there is none
 * @throws DarkroomError as runFfmpeg does
 */
export async function measureSounds(
  { plan, settings, signal, onProgress, outputDir }: StepInput & { plan: VideoPlan },
  composition: Composition,
): Promise<Map<string, string>> {
  const levels = new Map<string, string>();
  if (plan.loudness === undefined) return levels;
  const { probe, soundFiles = {} } = composition;
  const sounds = composition.branches.flatMap(({ films = [] }) => films.flatMap(({ sound }) => sound ?? []));
  const heard = sounds.filter(({ kbps, index }) => index !== undefined || soundFiles[kbps] === undefined);
  const target = { integrated: plan.loudness, truePeak: TRUE_PEAK, range: RANGE };
  const cwd = path.resolve(outputDir);
  for (const [key, sound] of new Map(heard.map((sound) => [soundKey(sound), sound]))) {
    const chain = [...soundFilters(sound, composition), 'ebur128=peak=true:framelog=verbose'].join(',');
    const command = {
      inputs: [mainInput(composition, [{ name: '', sound }])],
      filterGraph: `[0:${sound.index ?? probe.audio?.index}]${chain}[sound]`,
      outputs: [{ options: ['-map', '[sound]', '-f', 'null'], file: '-' }],
      bounds: soundBounds(probe.durationSeconds + (probe.clip?.start ?? 0), 0, composition.maxDuration),
    };
    const { report } = await runReported(command, { settings, signal, onProgress, cwd });
    const measured = readMeasured(report);
    if (measured) levels.set(key, `${loudnormFilter(target, measured, probe.durationSeconds)},aresample=48000`);
  }
  return levels;
}
