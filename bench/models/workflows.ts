import type { WorkItem } from '../../common/contracts';
import type { ModelName } from '../../common/models';
import { activitiesOf } from '../../workflows/activity-options';
import { routed } from '../../workflows/route-model';
import { LOAD_MS } from './figures';

const ITEM: WorkItem = {
  ...{ batchId: 'bench', itemKey: 'item', kind: 'image', source: 'file:///none', output: 'file:///none' },
  ...{ preset: { name: 'bench' }, recipe: '', priority: 3, tenant: 'default' },
};

/** One task of a model, by the routing of items or straight to the common queue. */
export async function benchTask(model: ModelName, isRouted: boolean): Promise<void> {
  const input = { model, askedAt: Date.now() };
  if (isRouted) await routed(ITEM, input, LOAD_MS / 1000);
  else await activitiesOf(ITEM).analyse(ITEM, input);
}
