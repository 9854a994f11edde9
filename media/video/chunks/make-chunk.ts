import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Quality } from '../../../common/video-facts';
import { badOutput } from '../check/finish';
import { readMp4 } from '../check/mp4';
import { moveFragment, readFragment, timescaleOf } from '../hls/fragment';
import { fileOf } from '../hls/file-of';
import { cutTrack } from '../hls/track';
import { isOfDecoder, makeOutputs, type OutputsInput } from '../make-outputs';
import type { BranchId, Chunk, ChunkGroup, HlsFile, StepInput, VideoFile, VideoPlan } from '../types';

/** A segment of a track, on the track's own time. */
export interface TrackSegment extends HlsFile {
  seconds: number;
  frames: number;
  /** Where its first picture is, which stands alone. */
  keyframe: { offset: number; length: number };
}

/** What one chunk makes of one rung. */
export interface ChunkTrack {
  rung: string;
  /** RFC 6381. */
  codecs: string;
  width: number;
  height: number;
  init: HlsFile;
  segments: TrackSegment[];
  /** Where the plan asks for one. */
  quality?: Quality;
}

export interface ChunkInput extends StepInput {
  plan: VideoPlan;
  group: ChunkGroup;
  chunk: Chunk;
}

/** Name of a segment of a track. @param number from 0 */
export const segmentName = (number: number): string => `${String(number).padStart(5, '0')}.m4s`;

/**
 * Encodes one chunk of all rungs of a group over one decode, and cuts each into segments on the time of the whole: with
 * the header of any chunk, and in their order, the segments of all chunks are the rung.
 * @returns files in `<rung>/` of the output folder
 * @throws as makeOutputs does; EncoderFailed where a segment is not what the plan counted
 */
export async function makeChunk(input: ChunkInput): Promise<ChunkTrack[]> {
  const { plan, group, chunk, outputDir } = input;
  const branches = group.rungs.map((name): BranchId => `rung:${name}`);
  const films = await encode({ ...input, branches, range: chunk });
  const tracks: ChunkTrack[] = [];
  for (const { name, file, width = 0, height = 0, quality } of films) {
    const segmentSeconds = plan.chunks?.segmentSeconds ?? 0;
    const cut = { ...input, root: outputDir, segmentSeconds };
    const facts = await readMp4(file);
    const { header, files } = await cutTrack(cut, name, 'video', { file, facts });
    await rm(file);
    const folder = path.join(outputDir, name);
    const init = files.find((each) => each.mime === 'video/mp4');
    const pieces = files.filter((each) => each.mime === 'video/iso.segment');
    if (init === undefined) throw badOutput('A chunk has no header.', { rung: name });
    const timescale = timescaleOf(await readFile(init.file));
    const segments: TrackSegment[] = [];
    for (const [index, piece] of pieces.entries()) {
      segments.push(await place(await readFile(piece.file), folder, name, chunk, index, { timescale, segmentSeconds }));
    }
    if (chunk.frames && segments.length !== chunk.segments) {
      throw badOutput('A chunk has another number of segments than was planned.', {
        rung: name,
        segments: segments.length,
      });
    }
    tracks.push({ rung: name, codecs: header.codecs, width, height, init, segments, ...(quality && { quality }) });
  }
  return tracks;
}

/**
 * From the keyframe before the chunk. Where decoding from there fails, the pictures at that keyframe may need earlier ones:
 * then from the beginning of the source, which also tells damage from that.
 */
async function encode(input: OutputsInput & { range: Chunk }): Promise<VideoFile[]> {
  try {
    return await makeOutputs(input);
  } catch (error) {
    if (input.range.start + (input.probe.clip?.start ?? 0) === 0 || !isOfDecoder(error)) throw error;
    return makeOutputs({ ...input, range: { ...input.range, decodeFrom: 0 } });
  }
}

/** Writes a segment again under its number and with its time in the whole. */
async function place(
  bytes: Buffer,
  folder: string,
  rung: string,
  chunk: Chunk,
  index: number,
  { timescale, segmentSeconds }: { timescale: number; segmentSeconds: number },
): Promise<TrackSegment> {
  const number = chunk.segment + index;
  const begins = Math.round(index * segmentSeconds * timescale);
  const fragment = readFragment(bytes);
  if (Math.abs(fragment.decodeTime - begins) > 1) {
    throw badOutput('A segment of a chunk does not begin where it was planned.', { rung, segment: number });
  }
  moveFragment(bytes, Math.round(chunk.start * timescale), number + 1);
  // Under another name: the numbers of a chunk begin anew, and a file that is read must not be written to.
  const file = path.join(folder, `at-${segmentName(number)}`);
  await mkdir(folder, { recursive: true });
  await writeFile(file, bytes);
  return {
    ...fileOf(bytes, `${rung}/${segmentName(number)}`, file, 'video/iso.segment'),
    seconds: fragment.duration / timescale,
    frames: fragment.samples,
    keyframe: fragment.keyframe,
  };
}
