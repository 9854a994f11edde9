import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Rendition, WorkItem } from '../common/contracts';
import * as video from '../media/video';
import type { Sidecar, VideoFile } from '../media/video';
import type { Fetched } from '../storage';
import type { Attempt } from './attempt';
import type { ActivityDeps } from './deps';
import { fetchMade } from './fetch-made';
import { scan } from './scan';
import { stepInput, type VideoWork } from './video';

/**
 * The captions of a video on the scratch disk: those that the job brings along, and those of the source where the preset
 * asks for them.
 * @throws DarkroomError as storage.fetch does; UnsupportedMedia for what is no captions
 */
export async function captionsOf(
  deps: ActivityDeps,
  attempt: Attempt,
  item: WorkItem,
  work: VideoWork,
  source: Fetched,
): Promise<{ files: VideoFile[]; warnings: string[] }> {
  const embedded = item.preset.video?.captions === true && work.probe.captions !== undefined;
  const inputs = item.inputs ?? [];
  if (!embedded && inputs.length === 0) return { files: [], warnings: [] };
  const sidecars: Sidecar[] = [];
  for (const [index, { source: uri, language, forced, sdh }] of inputs.entries()) {
    const options = {
      ...{ signal: attempt.signal, maxBytes: video.MAX_CAPTION_BYTES },
      onProgress: (bytes: number) => attempt.progress({ step: 'fetch', bytes }),
    };
    const fetch = () => deps.storage.fetch(uri, path.join(attempt.workDir, `captions-${index}`), options);
    const fetched = await attempt.stages.run('fetch', 'captions', fetch, ({ bytes }) => bytes);
    await scan(deps, attempt, item, fetched);
    sidecars.push({ file: fetched.path, language, forced, sdh });
  }
  const outputDir = path.join(attempt.workDir, 'captions');
  await mkdir(outputDir);
  const input = { ...stepInput(deps, attempt, work, source), outputDir, sidecars, embedded };
  return attempt.within('captions', deps.ffmpeg.stallMs, () => video.makeCaptions(input));
}

/** Captions that makeVideo has put into storage, for what packages them. */
export async function fetchCaptions(deps: ActivityDeps, attempt: Attempt, item: WorkItem, captions: Rendition[] = []) {
  const fetched = [];
  for (const { name, path: at, bytes, sha256, track } of captions) {
    const uri = `${item.output}/${at}`;
    const file = await fetchMade(deps, attempt, { uri, bytes, sha256 }, `${name}.vtt`);
    if (track !== undefined) fetched.push({ name, file, track });
  }
  return fetched;
}
