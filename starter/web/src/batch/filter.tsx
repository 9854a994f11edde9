import type { Counts, ItemState } from '../api';
import { count } from '../lib/format';

/** What the wall can be narrowed to; `undefined` is everything. */
export const FILTERS = [
  { state: undefined, label: 'All', of: (c: Counts) => c.items },
  { state: 'open', label: 'Open', of: (c: Counts) => c.open },
  { state: 'succeeded', label: 'Done', of: (c: Counts) => c.succeeded },
  { state: 'failed', label: 'Failed', of: (c: Counts) => c.failed },
  { state: 'cancelled', label: 'Cancelled', of: (c: Counts) => c.cancelled },
] as const satisfies readonly { state: ItemState | undefined; label: string; of: (counts: Counts) => number }[];

export type Filter = (typeof FILTERS)[number]['state'];

/** The filter that an address names; `all` is everything, and nothing is no choice. */
export function filterOf(state: string | undefined): { filter: Filter } | undefined {
  if (state === 'all') return { filter: undefined };
  const found = FILTERS.find((each) => each.state === state);
  return found?.state && { filter: found.state };
}

export function FilterBar(props: { counts: Counts; value: Filter; onChange: (filter: Filter) => void }) {
  return (
    <fieldset class="filters">
      <legend class="hidden">Show</legend>
      {FILTERS.map(({ state, label, of }) => (
        <label key={label} class={props.value === state ? 'is-chosen' : undefined}>
          <input type="radio" name="state" checked={props.value === state} onChange={() => props.onChange(state)} />
          {label} <small>{count(of(props.counts))}</small>
        </label>
      ))}
    </fieldset>
  );
}
