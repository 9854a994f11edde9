import type { ItemResult, WorkItem } from '../common/contracts';
import { sectionOf } from '../media/presets';
import { runAttempt } from './attempt';
import type { ActivityDeps } from './deps';
import { alreadyPublished, publishFile, publishManifest } from './publish';
import { fetchSource } from './source';

/**
 * The whole way of one image: fetch, every rendition in a child process, publish.
 * @throws ApplicationFailure with a type of the error table
 */
export function makeImage(deps: ActivityDeps, item: WorkItem): Promise<ItemResult> {
  return runAttempt(deps, item, async (attempt) => {
    const published = await alreadyPublished(deps, item);
    if (published) return published;

    const preset = sectionOf(item.preset, 'image');
    const source = await fetchSource(deps, attempt, item);
    const made = await attempt.within('image', deps.config.imageTimeout, () =>
      deps.images.run(
        {
          input: source.path,
          outputDir: attempt.workDir,
          preset,
          limits: { maxPixels: deps.config.maxPixels, maxFrames: deps.config.maxFrames },
          allowSvg: deps.config.allowSvg,
        },
        attempt.signal,
      ),
    );
    for (const [step, ms] of Object.entries(made.timings)) {
      const file = made.files.find(({ name }) => name === step);
      const start = made.startedAt[step] ?? Date.now() - ms;
      attempt.stages.ran(file ? 'encode' : step, file?.format ?? made.source.format, start, ms, file?.bytes);
    }
    const renditions = await Promise.all(
      made.files.map(({ format: _format, ...file }) =>
        publishFile(deps, attempt, item, source.sha256, { ...file, role: 'image' }),
      ),
    );
    return publishManifest(deps, attempt, item, {
      source: {
        uri: item.source,
        bytes: source.bytes,
        sha256: source.sha256,
        fingerprint: source.fingerprint,
        ...made.source,
      },
      renditions,
      placeholder: made.placeholder,
      warnings: made.warnings,
      timings: { ...attempt.stages.timings, ...made.timings },
    });
  });
}
