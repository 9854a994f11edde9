import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Manifest, WorkItem } from '../common/contracts';
import { DarkroomError } from '../common/errors';
import type { ImageTask } from '../media/image/pool';
import { sectionOf } from '../media/presets';
import type { ImageRenditionSpec } from '../media/presets/schema';
import * as video from '../media/video';
import type { BranchId, Marks, VideoPlan } from '../media/video';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { withWatermarks } from './watermarks';

/** One transparent px: a watermark on it, in a picture of the size of a rung, is all that shows. */
const CLEAR = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==',
  'base64',
);
/** px, of the largest rung. */
const MARGIN = 16;

/**
 * The watermark as the pictures of each branch bear it, in files of the work folder: drawn like those of images, in a child
 * process. Its size and its margin are parts of the width, so that the mark stands at the same place in all rungs.
 * @param file the watermark on this machine
 * @throws DarkroomError of the type that the same file would have as a source; the sentence begins with the watermark
 */
export async function drawMarks(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  plan: VideoPlan,
  branches: readonly BranchId[],
  files: Record<string, string>,
): Promise<Marks> {
  const { watermark } = sectionOf(item.preset, 'video');
  const shown = video.markedBranches(plan).filter(({ id }) => branches.includes(id));
  if (watermark === undefined || shown.length === 0) return {};
  const widest = Math.max(...plan.rungs.map(({ width }) => width));
  const nameOf = (id: BranchId): string => `mark-${id.replace(':', '-')}`;
  const renditions = shown.map(({ id, width, height }): ImageRenditionSpec => {
    const margin = Math.round(((watermark.margin ?? MARGIN) * width) / widest);
    return { name: nameOf(id), format: 'png', width, height, fit: 'contain', watermark: { ...watermark, margin } };
  });
  const input = path.join(attempt.workDir, 'clear.png');
  await writeFile(input, CLEAR);
  const task: ImageTask = {
    ...{ input, outputDir: attempt.workDir, watermarks: files, allowSvg: false, bounds: true },
    preset: { animation: 'first', colour: 'srgb', renditions },
    limits: { maxPixels: deps.config.maxPixels, maxFrames: deps.config.maxFrames },
  };
  const draw = () => deps.images.run(task, attempt.signal);
  const make = () => attempt.within('watermark', deps.config.imageTimeout, draw);
  const made = await attempt.stages.run('encode', 'watermark', make);
  const marks: Marks = {};
  for (const { id } of shown) {
    const drawn = made.files.find(({ name }) => name === nameOf(id));
    if (drawn?.bounds) marks[id] = { file: path.basename(drawn.file), ...drawn.bounds };
  }
  return marks;
}

/**
 * Works with the marks of a task of a planned video.
 * @param planned what the watermark was when the video was planned
 * @throws DarkroomError SourceReplaced where the watermark is another file now: parts of one video would differ
 */
export function withMarks<T>(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  { plan, watermarks: planned }: { plan: VideoPlan; watermarks?: Manifest['watermarks'] },
  branches: readonly BranchId[],
  use: (marks: Marks) => Promise<T>,
): Promise<T> {
  if (planned === undefined || !video.markedBranches(plan).some(({ id }) => branches.includes(id))) return use({});
  return withWatermarks(deps, attempt, item, 'video', async ({ files, facts = [] }) => {
    if (facts.some(({ sha256 }, at) => sha256 !== planned[at]?.sha256)) {
      const message = 'The watermark was replaced while the video was being made; submit the video again.';
      throw new DarkroomError('SourceReplaced', message);
    }
    return use(await drawMarks(deps, attempt, item, plan, branches, files));
  });
}
