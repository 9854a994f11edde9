import type { ItemResult, Rendition, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { runItem } from './item';
import { Steps } from './steps';

/**
 * One video: probe, then poster, sprite and every rung as activities of their own, then HLS where the preset asks for it,
 * cut from the rungs, then the manifest. A worker lost in
 * the second encode repeats the second encode only. What a step makes, it puts into storage under a name that only this
 * source and recipe have; the manifest is what publishes it.
 */
export function processVideo(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const { probeVideo, quarantine } = activitiesOf(item);
    const steps = new Steps((evidence) => quarantine(item, evidence));

    steps.plan(['probe']);
    const work = await steps.run('probe', () => probeVideo(item));
    const activities = activitiesOf(item, work.source);

    const wantsPoster = item.preset.video?.poster !== undefined;
    const wantsSprite = item.preset.video?.sprite !== undefined;
    const encodes = work.rungs.map((rung) => `encode ${rung}`);
    const wantsHls = item.preset.video?.hls === true;
    const optional = [...(wantsPoster ? ['poster'] : []), ...(wantsSprite ? ['sprite'] : [])];
    steps.plan([...optional, ...encodes, ...(wantsHls ? ['package'] : []), 'publish']);

    // Fails with the first that fails: the item has no use for its other encodes then, and they end with the workflow.
    const [poster, sprite, rungs] = await Promise.all([
      wantsPoster ? steps.run('poster', () => activities.makePoster(item, work)) : undefined,
      wantsSprite ? steps.run('sprite', () => activities.makeSprite(item, work)) : [],
      Promise.all(work.rungs.map((rung) => steps.run(`encode ${rung}`, () => activities.encodeRung(item, work, rung)))),
    ]);
    const stream = wantsHls ? [await steps.run('package', () => activities.packageHls(item, work, rungs))] : [];
    const renditions: Rendition[] = [...stream, ...rungs, ...(poster ? [poster.rendition] : []), ...sprite];
    return steps.run('publish', () => activities.publishVideo(item, work, renditions, poster?.placeholder));
  });
}
