import type { ItemResult, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { runItem } from './item';
import { Steps } from './steps';

/**
 * One image: a single activity that fetches it, makes every rendition and publishes, since each further activity costs
 * 12–20 ms of CPU across server and worker and a repeated image loses little.
 */
export function processImage(input: WorkItem): Promise<ItemResult> {
  return runItem(input, (item) => {
    const activities = activitiesOf(item);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    steps.plan(['image']);
    return steps.run('image', () => activities.makeImage(item));
  });
}
