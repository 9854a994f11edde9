import { useState } from 'preact/hooks';
import { findDuplicates, type Duplicates } from '../api';
import { count, fileName } from '../lib/format';
import { usePoll } from '../lib/poll';
import { toItem } from '../lib/route';
import { Problem } from '../parts/bits';
import { Picture } from '../parts/picture';

/** Images of the batch that look alike, side by side; looked for when somebody opens it. */
export function DuplicateGroups({ id }: { id: string }) {
  const [isOpen, setOpen] = useState(false);
  const [isDone, setDone] = useState(false);
  const load = async (signal: AbortSignal): Promise<Duplicates> => {
    const found = await findDuplicates(id, signal);
    setDone(found.complete);
    return found;
  };
  // The service looks for some seconds at a time.
  const found = usePoll(isOpen ? `duplicates ${id}` : undefined, load, isDone ? 0 : 500);
  return (
    <details class="duplicates" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Look-alikes</summary>
      <Problem error={found.error} since={found.at} />
      {isOpen && <p role="status">{found.data ? said(found.data) : 'Comparing the pictures …'}</p>}
      {isOpen &&
        found.data?.groups.map(({ size, items }) => (
          <ul key={items[0]?.id} class="group" aria-label={`${count(size)} pictures that look alike`}>
            {items.map((item) => (
              <li key={item.id}>
                <a href={toItem(item.id)} title={item.source}>
                  <span class="face">
                    {item.thumbnail && <Picture src={item.thumbnail.href} alt="" placeholder={item.placeholder} />}
                  </span>
                  <span class="card-name">{fileName(item.source ?? item.id)}</span>
                </a>
              </li>
            ))}
            {size > items.length && <li class="facts">and {count(size - items.length)} more</li>}
          </ul>
        ))}
    </details>
  );
}

function said({ groups, total, items, unhashed, complete }: Duplicates): string {
  const looked = complete ? `${count(items)} images were compared` : `${count(items)} images so far`;
  const found =
    total === 0 ? 'none look alike' : total === 1 ? '1 group looks alike' : `${count(total)} groups look alike`;
  const more = total > groups.length ? ` The ${groups.length} largest are shown.` : '';
  const others = unhashed > 0 ? ` ${count(unhashed)} cannot be compared, such as plain ones.` : '';
  return `${looked}; ${found}.${more}${others}`;
}
