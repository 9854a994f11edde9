import { codecOf } from '../codecs';
import { fraction } from '../fraction';
import type { BranchId, MediaProbe, PreviewPlan, RungPlan, VideoPlan } from '../types';

/** CPU seconds by branch of a plan. */
export type Costs = Map<BranchId, number>;

/** CPU seconds for a million pixels that are decoded. */
const DECODE = 0.0015;

/** What each output of a plan costs, decoding included; estimated from pixels, frames, codec and speed. */
export function estimateCpuSeconds(probe: MediaProbe, plan: VideoPlan): Costs {
  const decode = decodeCost(probe);
  const rungs = plan.rungs.map((rung): [BranchId, number] => [`rung:${rung.name}`, decode + encodeCost(probe, rung)]);
  return new Map<BranchId, number>([
    ...rungs,
    ...(plan.poster ? [['poster', 0.5] as [BranchId, number]] : []),
    ...(plan.preview ? [['preview', previewCost(probe, plan.preview)] as [BranchId, number]] : []),
    ...(plan.sprite ? [['sprite', decode] as [BranchId, number]] : []),
  ]);
}

/** CPU seconds to decode all pictures once. */
export function decodeCost({ video }: MediaProbe): number {
  return (DECODE * video.width * video.height * video.frames) / 1e6;
}

/** CPU seconds to encode a rung, without decoding. */
export function encodeCost({ video, durationSeconds }: MediaProbe, rung: RungPlan): number {
  if (rung.copy) return 0;
  const { num, den } = fraction(rung.fps ?? video.fps);
  const pixels = rung.width * rung.height * (video.durationSeconds ?? durationSeconds) * (num / den);
  return (codecOf(rung).cost[rung.speed] * pixels) / 1e6;
}

/** Seconds of a source that are decoded before a scene, from the keyframe on. */
const TO_SCENE = 2;
/** CPU seconds for a million pixels of a preview, in both formats. */
const PREVIEW = 0.05;

/** Each scene is sought, so that only it and what leads to it is decoded. */
function previewCost({ video }: MediaProbe, { starts, frames, fps, width, height }: PreviewPlan): number {
  const rate = (text: string) => fraction(text).num / fraction(text).den;
  const decoded = (frames / rate(fps) + TO_SCENE) * rate(video.fps) * video.width * video.height;
  return (starts.length * (DECODE * decoded + PREVIEW * frames * width * height)) / 1e6;
}

/** CPU seconds of everything. */
export function totalCost(costs: Costs): number {
  return sum([...costs.keys()], costs);
}

/**
 * Which outputs one ffmpeg makes together, for a video whose outputs are made by several tasks: groups of similar cost,
 * each with a rung at least, if there are any. Poster, preview and sprite go along with the cheapest group, which decodes the pictures anyway.
 * @param taskSeconds what one task should cost, CPU seconds
 */
export function groupBranches(costs: Costs, taskSeconds: number): { branches: BranchId[]; cost: number }[] {
  const all = [...costs.keys()];
  const rungs = all.filter((branch) => branch.startsWith('rung:'));
  if (all.length === 0) return [];
  const count = Math.max(1, Math.min(rungs.length, Math.ceil(totalCost(costs) / taskSeconds)));
  const groups = Array.from({ length: count }, () => ({ branches: [] as BranchId[], cost: 0 }));
  const cheapest = () => groups.reduce((a, b) => (b.cost < a.cost ? b : a));
  const add = (branch: BranchId): void => {
    const group = cheapest();
    group.branches.push(branch);
    group.cost += costs.get(branch) ?? 0;
  };
  const dearestFirst = [...rungs].sort((a, b) => (costs.get(b) ?? 0) - (costs.get(a) ?? 0));
  for (const branch of dearestFirst) add(branch);
  const last = cheapest();
  for (const branch of all.filter((each) => !rungs.includes(each))) {
    last.branches.push(branch);
    last.cost += costs.get(branch) ?? 0;
  }
  return groups;
}

function sum(branches: BranchId[], costs: Costs): number {
  return branches.reduce((total, branch) => total + (costs.get(branch) ?? 0), 0);
}
