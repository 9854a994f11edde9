import path from 'node:path';
import type { Manifest, Rendition, WorkItem } from '../../common/contracts';
import type { ImageTask } from '../../media/image/types';
import { ssimOf } from '../../media/video/check/ssim';
import { runAttempt, type Attempt } from '../attempt';
import type { ActivityDeps } from '../deps';
import { manifestIn } from '../removal';

/** px: pictures are compared at this width at most. */
const WIDTH = 512;

/**
 * How much the new outputs of an item resemble the old ones.
 * @param old URI of the old item's folder
 * @returns SSIM, 0–1, of the largest picture or rung that both have; undefined where they have none in common (audio)
 */
export function compareOutputs(deps: ActivityDeps, item: WorkItem, old: string): Promise<number | undefined> {
  return runAttempt(deps, item, async (attempt) => {
    const [before, after] = await Promise.all([manifestIn(deps.storage, old), manifestIn(deps.storage, item.output)]);
    const pair = before && after && comparable(before, after);
    if (pair === undefined) return undefined;
    const [first, second] = pair;
    const compare = async (): Promise<number> => {
      const files = [
        await readable(deps, attempt, old, first, 'before'),
        await readable(deps, attempt, item.output, second, 'after'),
      ] as const;
      return ssimOf(...files, deps.ffmpeg, attempt.signal);
    };
    return attempt.within('compare', deps.config.imageTimeout, compare);
  });
}

/** The largest outputs of each, of the same role. */
function comparable(before: Manifest, after: Manifest): [Rendition, Rendition] | undefined {
  for (const role of ['image', 'video'] as const) {
    const [first, second] = [before, after].map(({ renditions }) => largest(renditions, role));
    if (first !== undefined && second !== undefined) return [first, second];
  }
  return undefined;
}

function largest(renditions: Rendition[], role: Rendition['role']): Rendition | undefined {
  return renditions
    .filter((each) => each.role === role)
    .reduce<Rendition | undefined>((best, each) => ((best?.width ?? 0) >= (each.width ?? 0) ? best : each), undefined);
}

/** On the scratch disk, pictures as PNG: ffmpeg does not read every format that is made. */
async function readable(
  deps: ActivityDeps,
  attempt: Attempt,
  folder: string,
  { path: from, bytes, role }: Rendition,
  name: string,
): Promise<string> {
  const { signal, workDir } = attempt;
  const fetched = await deps.storage.fetch(`${folder}/${from}`, path.join(workDir, name), { signal, maxBytes: bytes });
  if (role !== 'image') return fetched.path;
  const { maxPixels } = deps.config;
  const task: ImageTask = {
    ...{ input: fetched.path, outputDir: workDir, limits: { maxPixels, maxFrames: 1 }, allowSvg: false },
    preset: {
      animation: 'first',
      colour: 'srgb',
      renditions: [{ name: `${name}-png`, format: 'png', width: WIDTH, effort: 1 }],
    },
  };
  const { files } = await deps.images.run(task, signal);
  const [made] = files;
  if (made === undefined) throw new Error('no picture was made');
  return made.file;
}
