import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { listItems, type Item, type ItemState } from '../api';

export interface ItemList {
  items: Item[];
  /** Everything that the server knows has been read. */
  complete: boolean;
  error: Error | undefined;
  /** Reads on until there are this many, or no more. */
  need: (length: number) => void;
  /** Reads the newest again. */
  refresh: () => void;
}

interface Read {
  key: string;
  items: Item[];
  started: boolean;
  next?: string;
  error?: Error;
}

/**
 * The items of a batch in one state, in the server's order (open ones, then the newest), read page by page.
 * @param batch undefined: not yet
 */
export function useItems(batch: string | undefined, state: ItemState | undefined): ItemList {
  const key = `${batch}\n${state}`;
  const [read, setRead] = useState<Read>({ key, items: [], started: false });
  const current: Read = read.key === key ? read : { key, items: [], started: false };
  const latest = useRef(current);
  latest.current = current;
  const wanted = useRef({ key, length: 1 });
  if (wanted.current.key !== key) wanted.current = { key, length: 1 };
  const busy = useRef<string | undefined>(undefined);

  const load = useCallback(
    async (from: 'next' | 'top'): Promise<void> => {
      if (batch === undefined || busy.current === key) return;
      busy.current = key;
      const cursor = from === 'next' ? latest.current.next : undefined;
      try {
        const page = await listItems(batch, { state, cursor });
        if (latest.current.key === key)
          setRead((before) => joined(before.key === key ? before : undefined, page, from));
      } catch (error) {
        setRead((before) => ({ ...(before.key === key ? before : latest.current), error: error as Error }));
      }
      if (busy.current === key) busy.current = undefined;
    },
    [key],
  );

  /** A refreshed list of results goes on below with what was known; in other states, items leave as well as come. */
  function joined(before: Read | undefined, page: { items: Item[]; next?: string }, from: 'next' | 'top'): Read {
    const known = before?.items ?? [];
    const fresh = new Set(page.items.map(({ id }) => id));
    const others = known.filter(({ id }) => !fresh.has(id));
    if (from === 'next') return { key, items: [...others, ...page.items], started: true, next: page.next };
    const goesOn = state === 'succeeded' && page.next !== undefined && before?.started === true;
    if (!goesOn) return { key, items: page.items, started: true, next: page.next };
    return { key, items: [...page.items, ...others], started: true, next: before.next };
  }

  const readOn = useCallback(() => {
    const { started, next, items } = latest.current;
    if ((!started || next !== undefined) && items.length < wanted.current.length) void load('next');
  }, [load]);
  // After each page, perhaps the next.
  useEffect(readOn, [readOn, current.items.length, current.started]);

  const need = useCallback(
    (length: number) => {
      wanted.current.length = Math.max(wanted.current.length, length);
      readOn();
    },
    [readOn],
  );
  const refresh = useCallback(() => void load('top'), [load]);
  const complete = current.started && current.next === undefined;
  return { items: current.items, complete, error: current.error, need, refresh };
}
