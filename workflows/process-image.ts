import { proxyActivities } from '@temporalio/workflow';
import type { ItemResult, WorkItem } from '../common/contracts';
import type { Activities } from '../activities';
import { poolOptions } from './activity-options';
import { runItem } from './item';
import { Steps } from './steps';

/**
 * One image: a single activity that fetches it, makes every rendition and publishes, since each further activity costs
 * 12–20 ms of CPU across server and worker and a repeated image loses little.
 */
export function processImage(input: WorkItem): Promise<ItemResult> {
  return runItem(input, (item) => {
    const { makeImage, quarantine } = proxyActivities<Activities>(poolOptions(item, 'image', '30m'));
    const steps = new Steps((evidence) => quarantine(item, evidence));
    steps.plan(['image']);
    return steps.run('image', () => makeImage(item));
  });
}
