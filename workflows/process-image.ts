import type { ItemResult, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { analysed, stepOf } from './analyse';
import { runItem } from './item';
import { mayHaveLeftFiles, removeOutputs, removesOutputs } from './removal';
import { Steps } from './steps';

/**
 * One image: a single activity that fetches it, makes every rendition and publishes, since each further activity costs
 * 12–20 ms of CPU across server and worker and a repeated image loses little. Where the preset asks models, they come first:
 * the manifest, which has what they found, is written last.
 */
export function processImage(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const activities = activitiesOf(item);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    const models = item.preset.image?.analyse ?? [];
    steps.plan([...models.map(stepOf), 'image']);
    const findings = models.length === 0 ? [] : [await analysed(item, steps, models)];
    try {
      return await steps.run('image', () => activities.makeImage(item, ...findings));
    } catch (error) {
      if (mayHaveLeftFiles(error) && removesOutputs()) await removeOutputs(item, activities);
      throw error;
    }
  });
}
