import type { WorkItem } from '../../common/contracts';
import type { ModelName } from '../../common/models';
import { activitiesOf } from '../../workflows/activity-options';
import { routed } from '../../workflows/route-model';
import { LOAD_SECONDS } from './figures';

const ITEM: WorkItem = {
  ...{ batchId: 'bench', itemKey: 'item', kind: 'image', source: 'file:///none', output: 'file:///none' },
  ...{ preset: { name: 'bench' }, recipe: '', priority: 3, tenant: 'default' },
};

/** One task of a model, by the routing of items or straight to the common queue. */
export async function benchTask(
  model: ModelName,
  isRouted: boolean,
  loadSeconds = LOAD_SECONDS,
  item = ITEM,
): Promise<void> {
  const input = { model, askedAt: Date.now() };
  if (isRouted) await routed(item, input, loadSeconds);
  else await activitiesOf(item).analyse(item, input);
}
