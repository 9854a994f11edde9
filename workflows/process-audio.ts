import type { ItemResult, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { runItem } from './item';
import { mayHaveLeftFiles, removeOutputs } from './removal';
import { Steps } from './steps';

/** One sound: a single activity, like an image. Even a day of sound takes less than an hour of one core. */
export function processAudio(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const activities = activitiesOf(item);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    steps.plan(['audio']);
    try {
      return await steps.run('audio', () => activities.makeAudio(item));
    } catch (error) {
      if (mayHaveLeftFiles(error)) await removeOutputs(item, activities);
      throw error;
    }
  });
}
