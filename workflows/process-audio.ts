import type { ItemResult, WorkItem } from '../common/contracts';
import { activitiesOf } from './activity-options';
import { analysed, stepOf } from './analyse';
import { runItem } from './item';
import { mayHaveLeftFiles, removeOutputs } from './removal';
import { Steps } from './steps';

/** One sound: a single activity, like an image. Even a day of sound takes less than an hour of one core. Models come first, as they do for images. */
export function processAudio(input: WorkItem): Promise<ItemResult> {
  return runItem(input, async (item) => {
    const activities = activitiesOf(item);
    const steps = new Steps((evidence) => activities.quarantine(item, evidence));
    const models = item.preset.audio?.analyse ?? [];
    steps.plan([...models.map(stepOf), 'audio']);
    const findings = models.length === 0 ? [] : [await analysed(item, steps, models)];
    try {
      return await steps.run('audio', () => activities.makeAudio(item, ...findings));
    } catch (error) {
      if (mayHaveLeftFiles(error)) await removeOutputs(item, activities);
      throw error;
    }
  });
}
