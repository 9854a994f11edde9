import { fraction } from '../fraction';
import { alignRungs } from '../hls/align';
import type { Chunk, ChunkGroup, MediaProbe, RungPlan, VideoPlan } from '../types';
import { clipProbe, isSeekable } from './clip';
import { encodeCost, decodeCost } from './cost';

/** Chunks of one group: bounds the history of an item, whatever the length of its source. */
const MAX_CHUNKS = 400;

/**
 * The plan with its rungs cut into chunks of about `chunkSeconds` CPU seconds, or undefined where the video is not worth
 * it, or cannot be cut. Chunks begin and end with segments, on a grid that all rungs share. The first ones are short, so
 * that something can be shown soon, and each is twice as long as the one before until they have their size.
 * Rungs that are passed through are not cut. Where one segment of all rungs takes longer than a chunk may, they are split
 * into groups, each with a decode of its own.
 * @param chunkSeconds CPU seconds
 */
export function planChunks(probe: MediaProbe, plan: VideoPlan, chunkSeconds: number): VideoPlan | undefined {
  if (!isSeekable(probe)) return undefined;
  const cut = plan.rungs.filter(({ copy }) => !copy);
  if (cut.length === 0) return undefined;
  const aligned = alignRungs(cut, probe.video.fps);
  const { segmentSeconds } = plan.hls ?? aligned.hls;
  const rungs = plan.hls ? cut : aligned.rungs;
  const seconds = probe.video.durationSeconds ?? probe.durationSeconds;
  const decode = decodeCost(probe) / seconds;
  const perSecond = (rung: RungPlan) => encodeCost(probe, rung) / seconds;
  const groups = splitRungs(rungs, chunkSeconds / segmentSeconds - decode, perSecond).map((group): ChunkGroup => {
    const segmentCost = segmentSeconds * (decode + group.reduce((sum, rung) => sum + perSecond(rung), 0));
    const chunks = cutGroup(group, segmentSeconds, seconds, Math.max(1, Math.floor(chunkSeconds / segmentCost)));
    return { rungs: group.map(({ name }) => name), chunks, segmentCost };
  });
  if (groups.every(({ chunks, segmentCost }) => chunks.length < 2 || costOf(chunks) * segmentCost < 2 * chunkSeconds))
    return undefined;
  groups.sort((a, b) => a.segmentCost - b.segmentCost);
  const [cheapest, ...others] = groups;
  if (plan.hls && cheapest) {
    const costOfSegment = (some: RungPlan[]) =>
      segmentSeconds * (decode + some.reduce((sum, rung) => sum + perSecond(rung), 0));
    const parts = withHead(cheapest, rungs, { segmentSeconds, seconds, costOfSegment, chunkSeconds });
    groups.splice(0, groups.length, ...parts, ...others);
  }
  const settled = plan.rungs.map((rung) => rungs.find(({ name }) => name === rung.name) ?? rung);
  return { ...plan, rungs: settled, chunks: { segmentSeconds, groups } };
}

/** Segments of the chunks that the first rung has for itself. */
const HEAD = [1, 2];
/** Segments of a film that is worth it. */
const LEAST_SEGMENTS = 8;

/**
 * A stream can be played once its first rung has begun: so the cheapest one is encoded alone for a moment, then the others
 * catch up, then all go on together. The film is decoded twice for as long.
 */
function withHead(
  group: ChunkGroup,
  all: RungPlan[],
  film: {
    segmentSeconds: number;
    seconds: number;
    costOfSegment: (rungs: RungPlan[]) => number;
    chunkSeconds: number;
  },
): ChunkGroup[] {
  const { segmentSeconds, seconds, costOfSegment, chunkSeconds } = film;
  const rungs = group.rungs.flatMap((name) => all.find((rung) => rung.name === name) ?? []);
  const [first, ...others] = rungs;
  if (first === undefined || others.length === 0 || segmentCount(seconds, segmentSeconds) < LEAST_SEGMENTS)
    return [group];
  const head = HEAD.reduce((sum, segments) => sum + segments, 0);
  const part = (some: RungPlan[], chunks: Chunk[]): ChunkGroup => ({
    ...{ rungs: some.map(({ name }) => name), chunks, segmentCost: costOfSegment(some) },
  });
  const most = Math.max(1, Math.floor(chunkSeconds / group.segmentCost));
  return [
    part([first], chunksOf([first], segmentSeconds, 0, HEAD)),
    part(others, chunksOf(others, segmentSeconds, 0, [head])),
    part(rungs, cutGroup(rungs, segmentSeconds, seconds, most, head)),
  ];
}

function costOf(chunks: Chunk[]): number {
  return chunks.reduce((sum, { segments }) => sum + segments, 0);
}

/**
 * Rungs that are encoded together, cheapest first, as long as a second of them costs no more than `most` CPU seconds; a
 * rung that is dearer stands alone.
 */
function splitRungs(rungs: RungPlan[], most: number, cost: (rung: RungPlan) => number): RungPlan[][] {
  const groups: { rungs: RungPlan[]; cost: number }[] = [];
  for (const rung of [...rungs].sort((a, b) => cost(a) - cost(b))) {
    const last = groups.at(-1);
    if (last && last.cost + cost(rung) <= most) {
      last.rungs.push(rung);
      last.cost += cost(rung);
    } else groups.push({ rungs: [rung], cost: cost(rung) });
  }
  return groups.map((group) => group.rungs);
}

const segmentCount = (seconds: number, segmentSeconds: number): number =>
  Math.max(1, Math.ceil(seconds / segmentSeconds - 0.01));

/** Chunks to the end of the film. @param from number of the first segment */
function cutGroup(rungs: RungPlan[], segmentSeconds: number, seconds: number, most: number, from = 0): Chunk[] {
  const total = segmentCount(seconds, segmentSeconds) - from;
  const chunks = chunksOf(
    rungs,
    segmentSeconds,
    from,
    chunkLengths(total, Math.max(most, Math.ceil(total / MAX_CHUNKS))),
  );
  return chunks.map((chunk, index) => {
    if (index < chunks.length - 1) return chunk;
    const { frames: _counted, end: _known, ...last } = chunk;
    return last;
  });
}

/** Chunks of so many segments each. */
function chunksOf(rungs: RungPlan[], segmentSeconds: number, from: number, lengths: number[]): Chunk[] {
  let segment = from;
  return lengths.map((segments) => {
    const chunk = { segment, segments, start: segment * segmentSeconds };
    segment += segments;
    const counted = rungs.map((rung) => [rung.name, segments * frames(rung, segmentSeconds)] as const);
    return { ...chunk, end: segment * segmentSeconds, frames: Object.fromEntries(counted) };
  });
}

/**
 * Segments of each chunk: 1, 2, 4 and so on up to `most`, then all alike. The last chunk is no short rest, since a source
 * may end a little before what it states.
 */
export function chunkLengths(total: number, most: number): number[] {
  const lengths: number[] = [];
  let rest = total;
  for (let length = 1; length < most && rest > 2 * most; length *= 2) {
    lengths.push(length);
    rest -= length;
  }
  const count = Math.max(1, Math.round(rest / most));
  for (let left = count; left > 0; left--) {
    const length = Math.ceil(rest / left);
    lengths.push(length);
    rest -= length;
  }
  return lengths.filter((length) => length > 0);
}

/** Pictures of a rung in one segment. */
function frames(rung: RungPlan, segmentSeconds: number): number {
  const { num, den } = fraction(rung.fps);
  return Math.round((segmentSeconds * num) / den);
}

/** Seconds of sound that are there at once, at least and at most; and how much faster than it is played the rest comes. */
const SOUND_HEAD = { least: 36, most: 240, speed: 20 };

/**
 * Seconds of the beginning of the sound that are encoded on their own, so that a stream can be played before all of it is
 * encoded; undefined where that is not worth it, or its level follows from the whole. The segments of both are the same.
 */
export function soundHead({ hls, chunks, loudness }: VideoPlan, { durationSeconds }: MediaProbe): number | undefined {
  if (hls === undefined || chunks === undefined || loudness !== undefined) return undefined;
  const { least, most, speed } = SOUND_HEAD;
  const seconds = Math.min(most, Math.max(least, durationSeconds / speed));
  return durationSeconds > 2 * seconds ? seconds : undefined;
}

/** The beginning of a source, or of its part. */
export function headOf({ clip, ...probe }: MediaProbe, seconds: number): MediaProbe {
  return { ...clipProbe(probe, { end: seconds }), clip: { start: clip?.start ?? 0, seconds } };
}

/** Is the rung encoded in chunks? */
export function isCut({ chunks }: VideoPlan, name: string): boolean {
  return chunks?.groups.some(({ rungs }) => rungs.includes(name)) === true;
}
