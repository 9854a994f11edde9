/**
 * Videos, free of Temporal. Three calls, each of which may run on another machine, since what passes between them is JSON:
 *
 *     const probe = await probeVideo(file, limits, settings, signal);    // what the file is
 *     const plan = planVideo(probe, preset);                             // every number of what to make; pure
 *     const files = await makeOutputs({ input: file, probe, plan, outputDir, maxDuration, settings, signal, onProgress });
 *
 * `makeOutputs` makes everything in the plan with one ffmpeg and one decode, checks the files and returns them with size and
 * hash. `branches` names a part of the plan instead (`rung:720p`, `poster`, `preview`, `sprite`, `sound:128`), for videos that are
 * made by several tasks: those that make the sound first hand its files to the rungs as `soundFiles`. `range` makes a piece
 * of the rungs. Everything that ffmpeg does is bounded by what the probe said; `maxDuration` is in ms.
 *
 * `packageHls` cuts finished MP4s into a stream. `encodeRung`, `makePoster` and `makeSprite` are `makeOutputs` for one thing.
 */
export { probeVideo } from './probe/probe';
export { leftOut, planVideo } from './plan/plan';
export { estimateCpuSeconds, groupBranches, totalCost } from './plan/cost';
export { markedBranches } from './outputs/mark';
export { autoLadder } from './ladder/sample';
export { headOf, isCut, planChunks, soundHead } from './plan/chunks';
export { clipProbe } from './plan/clip';
export { makeCaptions } from './captions/captions';
export { MAX_CAPTION_BYTES } from './captions/cues';
export type { Sidecar } from './captions/captions';
export { fraction } from './fraction';
export { canSeek } from './chunks/seek';
export { joinChunks } from './chunks/join';
export { makeChunk } from './chunks/make-chunk';
export type { ChunkTrack } from './chunks/make-chunk';
export { cutSound } from './chunks/cut-sound';
export type { Costs } from './plan/cost';
export { branchIds, makeOutputs, soundBitrates } from './make-outputs';
export { joinedQuality, missedQuality } from './quality';
export { encodeRung, makePoster, makeSprite } from './single-outputs';
export { packageHls } from './hls/package';
export type { Heard, PackageInput } from './hls/package';
export { INIT, MAIN_SOUND, MASTER, pictureFolder, PLAYLIST } from './hls/command';
export { isFinished, mediaPlaylist, segmentsIn } from './hls/playlist';
export { cutText } from './hls/texts';
export * from './hls/stored';
export type * from './types';
