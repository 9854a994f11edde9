import { fraction } from '../fraction';
import { alignRungs } from '../hls/align';
import type { Chunk, ChunkGroup, MediaProbe, RungPlan, VideoPlan } from '../types';
import { isSeekable } from './clip';
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
  const settled = plan.rungs.map((rung) => rungs.find(({ name }) => name === rung.name) ?? rung);
  return { ...plan, rungs: settled, chunks: { segmentSeconds, groups } };
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

function cutGroup(rungs: RungPlan[], segmentSeconds: number, seconds: number, most: number): Chunk[] {
  const total = Math.max(1, Math.ceil(seconds / segmentSeconds - 0.01));
  const lengths = chunkLengths(total, Math.max(most, Math.ceil(total / MAX_CHUNKS)));
  let segment = 0;
  return lengths.map((segments, index) => {
    const chunk = { segment, segments, start: segment * segmentSeconds };
    segment += segments;
    if (index === lengths.length - 1) return chunk;
    return {
      ...chunk,
      frames: Object.fromEntries(rungs.map((rung) => [rung.name, segments * frames(rung, segmentSeconds)])),
    };
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

/** Is the rung encoded in chunks? */
export function isCut({ chunks }: VideoPlan, name: string): boolean {
  return chunks?.groups.some(({ rungs }) => rungs.includes(name)) === true;
}
