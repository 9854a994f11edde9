import { codecOf } from '../codecs';
import { fraction } from '../fraction';
import type { BranchId, MediaProbe, VideoPlan } from '../types';

/** CPU seconds by branch of a plan. */
export type Costs = Map<BranchId, number>;

/** CPU seconds for a million pixels that are decoded. */
const DECODE = 0.0015;

/** What each output of a plan costs, decoding included; estimated from pixels, frames, codec and speed. */
export function estimateCpuSeconds(probe: MediaProbe, plan: VideoPlan): Costs {
  const seconds = probe.video.durationSeconds ?? probe.durationSeconds;
  const decode = (DECODE * probe.video.width * probe.video.height * probe.video.frames) / 1e6;
  const rungs = plan.rungs.map((rung): [BranchId, number] => {
    const { num, den } = fraction(rung.fps ?? probe.video.fps);
    const pixels = rung.width * rung.height * seconds * (num / den);
    return [`rung:${rung.name}`, decode + (rung.copy ? 0 : (codecOf(rung).cost[rung.speed] * pixels) / 1e6)];
  });
  return new Map<BranchId, number>([
    ...rungs,
    ...(plan.poster ? [['poster', 0.5] as [BranchId, number]] : []),
    ...(plan.sprite ? [['sprite', decode] as [BranchId, number]] : []),
  ]);
}

/** CPU seconds of everything. */
export function totalCost(costs: Costs): number {
  return sum([...costs.keys()], costs);
}

/**
 * Which outputs one ffmpeg makes together, for a video whose outputs are made by several tasks: groups of similar cost,
 * each with a rung at least. Poster and sprite go along with the cheapest group, which decodes the pictures anyway.
 * @param taskSeconds what one task should cost, CPU seconds
 */
export function groupBranches(costs: Costs, taskSeconds: number): { branches: BranchId[]; cost: number }[] {
  const all = [...costs.keys()];
  const rungs = all.filter((branch) => branch.startsWith('rung:'));
  const count = Math.min(rungs.length, Math.ceil(totalCost(costs) / taskSeconds));
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
