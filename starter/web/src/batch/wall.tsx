import { useEffect, useRef, useState } from 'preact/hooks';
import { useGridWindow } from '../lib/grid';
import type { GridSize } from '../lib/grid-window';
import { Card } from './card';
import type { ItemList } from './use-items';

/** A card is a 4:3 picture with two lines below it. */
const SIZE: GridSize = { minColumn: 190, gap: 16, rowHeight: (column) => (column * 3) / 4 + 56 };
/** Items read ahead of what is in view. */
const AHEAD = 100;

/**
 * Results as they land. Only rows in view are drawn; the arrow keys go from card to card, Tab leaves the wall.
 * @param total how many there are, of which `list` may not have read all yet
 */
export function Wall({ list, total, onChanged }: { list: ItemList; total: number; onChanged: () => void }) {
  const frame = useRef<HTMLUListElement>(null);
  const [currentId, setCurrentId] = useState<string>();
  /** The card that the keyboard is on its way to. */
  const goal = useRef<number | undefined>(undefined);
  const length = list.complete ? list.items.length : Math.max(total, list.items.length);
  // By id, since results that land push the others on.
  const current = Math.max(
    0,
    list.items.findIndex(({ id }) => id === currentId),
  );
  const grid = useGridWindow(frame, length, SIZE);
  const [from, to] = [grid.first * grid.columns, Math.min(length, grid.last * grid.columns)];

  useEffect(() => list.need(to + AHEAD), [to, list.need]);
  useEffect(() => {
    if (goal.current !== current) return;
    goal.current = undefined;
    frame.current?.querySelector<HTMLElement>(`[data-index="${current}"]`)?.focus({ preventScroll: true });
  });

  const go = (index: number): void => {
    const target = Math.min(list.items.length - 1, Math.max(0, index));
    setCurrentId(list.items[target]?.id);
    goal.current = target;
    const top = (frame.current?.getBoundingClientRect().top ?? 0) + Math.floor(target / grid.columns) * grid.rowHeight;
    if (top < 80) scrollBy({ top: top - 80 });
    else if (top + grid.rowHeight > innerHeight) scrollBy({ top: top + grid.rowHeight - innerHeight + 16 });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = {
      ArrowRight: current + 1,
      ArrowLeft: current - 1,
      ArrowDown: current + grid.columns,
      ArrowUp: current - grid.columns,
      Home: 0,
      End: list.items.length - 1,
    };
    const target = steps[event.key];
    if (target === undefined || !(event.target as HTMLElement).matches('[data-index]')) return;
    event.preventDefault();
    go(target);
  };

  // The card with the focus stays drawn when it scrolls away, since a keyboard would lose its place otherwise.
  const indices = Array.from({ length: Math.max(0, to - from) }, (_, offset) => from + offset);
  if (current < length && (current < from || current >= to)) indices.push(current);
  return (
    <ul class="wall" ref={frame} style={{ height: `${grid.height}px` }} aria-label="Items" onKeyDown={onKeyDown}>
      {indices.map((index) => {
        const item = list.items[index];
        const place = {
          width: `calc((100% - ${SIZE.gap * (grid.columns - 1)}px) / ${grid.columns})`,
          height: `${grid.rowHeight - SIZE.gap}px`,
          left: `calc((100% + ${SIZE.gap}px) / ${grid.columns} * ${index % grid.columns})`,
          top: `${Math.floor(index / grid.columns) * grid.rowHeight}px`,
        };
        if (item === undefined)
          return <li key={`gap-${index}`} class="card card-gap" style={place} aria-hidden="true" />;
        return (
          <Card
            key={item.id}
            place={place}
            item={item}
            index={index}
            total={length}
            isCurrent={index === current}
            onFocus={() => setCurrentId(item.id)}
            onChanged={onChanged}
          />
        );
      })}
    </ul>
  );
}
