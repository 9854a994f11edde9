/**
 * Sound, free of Temporal: what `media/video` is for videos.
 *
 *     const probe = await probeAudio(file, limits, settings, signal);    // what the file is
 *     const plan = planAudio(probe, preset);                             // every number of what to make; pure
 *     const first = await measureLoudness(input);                        // one decode; where the preset asks for a level
 *     const { files } = await encodeAudio(input, first);                 // one decode for everything
 */
export { probeAudio } from './probe';
export { planAudio } from './plan';
export { writeSamples } from './samples';
export { encodeAudio, measureLoudness } from './encode';
export type { AudioFile, AudioInput, AudioOutcome } from './types';
