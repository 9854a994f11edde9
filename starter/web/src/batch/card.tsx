import { act, isOpen, type Item } from '../api';
import { bytes, duration, fileName } from '../lib/format';
import { toItem } from '../lib/route';
import { failureTitle, STATE_WORDS } from '../lib/words';
import { ActionButton } from '../parts/bits';
import { Icon, iconOf } from '../parts/icon';
import { Picture } from '../parts/picture';

export interface CardProps {
  item: Item;
  /** 0-based place in the whole list, and its length. */
  index: number;
  total: number;
  /** The one card that Tab stops at. */
  isCurrent: boolean;
  onFocus: () => void;
  onChanged: () => void;
  /** Where it stands on the wall. */
  place: Record<string, string>;
}

/** One item on the wall: its picture when it is done, its reason when it failed. */
export function Card({ item, index, total, isCurrent, onFocus, onChanged, place }: CardProps) {
  const name = fileName(item.source ?? item.id);
  return (
    <li class={`card card-${item.state}`} style={place} aria-setsize={total} aria-posinset={index + 1}>
      <a class="card-link" href={toItem(item.id)} data-index={index} tabIndex={isCurrent ? 0 : -1} onFocus={onFocus}>
        <Face item={item} />
        <span class="card-name">{name}</span>
        <span class="card-note">{noteOf(item)}</span>
      </a>
      {item.state === 'failed' && (
        <ActionButton
          kind="small"
          icon="retry"
          label="Retry"
          about={name}
          run={() => act('job', item.id, 'retry').then(() => onChanged())}
        />
      )}
    </li>
  );
}

function Face({ item }: { item: Item }) {
  if (item.thumbnail) {
    return (
      <span class="face">
        <Picture src={item.thumbnail.href} alt="" placeholder={item.placeholder} />
        {item.kind !== 'image' && (
          <span class="tag">
            <Icon name="play" />
          </span>
        )}
      </span>
    );
  }
  if (item.error && item.state === 'failed') {
    return (
      <span class="face face-failed">
        <Icon name="alert" />
        <strong>{failureTitle(item.error)}</strong>
        <span>{item.error.message}</span>
      </span>
    );
  }
  return (
    <span class={`face ${isOpen(item.state) && item.state !== 'paused' ? 'face-open' : ''}`}>
      <Icon name={iconOf(item.kind)} />
    </span>
  );
}

function noteOf({ state, bytesIn, startedAt, closedAt }: Item): string {
  if (state !== 'succeeded' || !bytesIn || !closedAt) return STATE_WORDS[state];
  return `${bytes(bytesIn)}, done in ${duration((Date.parse(closedAt) - Date.parse(startedAt)) / 1000)}`;
}
