import type { ItemResult, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { runItem } from './item';
import { mayHaveLeftFiles, removeOutputs, removesOutputs } from './removal';
import { Steps } from './steps';

/**
 * One image: a single activity that fetches it, makes every rendition and publishes, since each further activity costs
 * 12–20 ms of CPU across server and worker and a repeated image loses little.
 */
export function processImage(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const activities = activitiesOf(item);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    steps.plan(['image']);
    try {
      return await steps.run('image', () => activities.makeImage(item));
    } catch (error) {
      if (mayHaveLeftFiles(error) && removesOutputs()) await removeOutputs(item, activities);
      throw error;
    }
  });
}
