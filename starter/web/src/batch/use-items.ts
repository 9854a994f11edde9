import { listItems, type Item, type ItemState } from '../api';
import { usePages, type Paged } from '../lib/pages';

export type ItemList = Paged<Item>;

/**
 * The items of a batch in one state, in the server's order (open ones, then the newest), read page by page.
 * @param batch undefined: not yet
 */
export function useItems(batch: string | undefined, state: ItemState | undefined): ItemList {
  const key = batch === undefined ? undefined : `${batch}\n${state}`;
  return usePages(key, (cursor) => listItems(batch ?? '', { state, cursor }), state === 'succeeded');
}
