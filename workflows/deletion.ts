import type { Deleted, DeletionInput } from '../common/deletion';
import { activitiesOf } from './activity-options';

/** Deletes one item, or all items of a batch: their files and their histories. It goes on when its caller is gone. */
export function deletion(input: DeletionInput): Promise<Deleted> {
  return activitiesOf({ kind: 'image' }).deleteItems(input);
}
