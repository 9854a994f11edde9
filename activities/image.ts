import type { Findings } from '../common/analysis';
import type { ItemResult, WorkItem } from '../common/contracts';
import type { ImageTask } from '../media/image/types';
import { sectionOf } from '../media/presets';
import { runAttempt } from './attempt';
import type { ActivityDeps } from './deps';
import { alreadyPublished, publishFiles, publishManifest } from './publish';
import { copyEarlier } from './reuse';
import { fileFacts, withSource } from './source';

/**
 * The whole way of one image: fetch, every rendition in a child process, publish.
 * @param findings what models found in it before
 * @throws ApplicationFailure with a type of the error table
 */
export function makeImage(deps: ActivityDeps, item: WorkItem, findings?: Findings): Promise<ItemResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, attempt, item);
    if (published) return published;

    const preset = sectionOf(item.preset, 'image');
    const { source, copied, made } = await withSource(deps, attempt, item, async (source) => {
      const copied = await copyEarlier(deps, attempt, item, source);
      if (copied) return { source, copied };
      const task: ImageTask = {
        input: source.path,
        outputDir: attempt.workDir,
        preset,
        limits: { maxPixels: deps.config.maxPixels, maxFrames: deps.config.maxFrames },
        allowSvg: deps.config.allowSvg,
      };
      const make = () => deps.images.run(task, attempt.signal);
      return { source, made: await attempt.within('image', deps.config.imageTimeout, make) };
    });
    if (copied) return publishManifest(deps, attempt, item, copied);
    for (const [step, ms] of Object.entries(made.timings)) {
      const file = made.files.find(({ name }) => name === step);
      const start = made.startedAt[step] ?? Date.now() - ms;
      attempt.stages.ran(file ? 'encode' : step, file?.format ?? made.source.format, start, ms, file?.bytes);
    }
    const files = made.files.map(({ format: _format, ...file }) => ({ ...file, role: 'image' as const }));
    const renditions = await publishFiles(deps, attempt, item, files);
    return publishManifest(deps, attempt, item, {
      source: {
        ...fileFacts(item, source),
        ...made.source,
      },
      renditions,
      placeholder: made.placeholder,
      perceptualHash: made.perceptualHash,
      analysis: findings?.analysis,
      receipts: findings?.receipts,
      warnings: [...made.warnings, ...(findings?.warnings ?? [])],
      timings: { ...attempt.stages.timings, ...made.timings },
    });
  });
}
