import { KINDS, MEDIA_KINDS } from '../../../../common/kinds';
import { listPresets, type ListQuery } from '../api';
import { usePoll } from '../lib/poll';
import { narrow, type Query } from '../lib/route';

const STATES = { open: 'Open', succeeded: 'Done', failed: 'Failed', cancelled: 'Cancelled' };
/** ms back from now. */
const SPANS: Record<string, { label: string; ms: number }> = {
  hour: { label: 'The last hour', ms: 3_600_000 },
  day: { label: 'The last 24 hours', ms: 86_400_000 },
  week: { label: 'The last 7 days', ms: 7 * 86_400_000 },
};
const MINUTE_MS = 60_000;

/** What the address asks for, as the service takes it. The time moves a minute at a time, so that pages fit together. */
export function listQueryOf({ search, state, kind, preset, since }: Query, now = Date.now()): ListQuery {
  const span = SPANS[since ?? ''];
  const from = span && new Date(Math.floor(now / MINUTE_MS) * MINUTE_MS - span.ms).toISOString();
  return { search, state, kind, preset, from };
}

/** A search by name and four choices; all of it stands in the address. */
export function Narrow({ query }: { query: Query }) {
  const presets = usePoll('presets', listPresets, 0);
  const names = Object.fromEntries((presets.data?.presets ?? []).map(({ name }) => [name, name]));
  const kinds = Object.fromEntries(MEDIA_KINDS.map((kind) => [kind, capitalised(KINDS[kind].plural)]));
  const spans = Object.fromEntries(Object.entries(SPANS).map(([name, { label }]) => [name, label]));
  return (
    <form class="narrow-bar" role="search" onSubmit={(event) => event.preventDefault()}>
      <input
        type="search"
        placeholder="Name begins with…"
        aria-label="Search batches by the beginning of their name"
        maxLength={100}
        value={query['search'] ?? ''}
        onInput={(event) => narrow({ ...query, search: event.currentTarget.value.trim() })}
      />
      <Choice query={query} name="state" label="Any state" options={STATES} />
      <Choice query={query} name="kind" label="Any kind" options={kinds} />
      <Choice query={query} name="preset" label="Any preset" options={names} />
      <Choice query={query} name="since" label="Any time" options={spans} />
    </form>
  );
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function Choice(props: { query: Query; name: string; label: string; options: Record<string, string> }) {
  const { query, name, label, options } = props;
  return (
    <select
      aria-label={label.replace('Any ', 'Filter by ')}
      value={query[name] ?? ''}
      onChange={(event) => narrow({ ...query, [name]: event.currentTarget.value })}
    >
      <option value="">{label}</option>
      {Object.entries(options).map(([value, text]) => (
        <option key={value} value={value}>
          {text}
        </option>
      ))}
    </select>
  );
}
