import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/** A list that is read page by page. */
export interface Paged<T> {
  items: T[];
  /** Everything that the server knows has been read. */
  complete: boolean;
  /** When the last page came. */
  at: Date | undefined;
  error: Error | undefined;
  /** Reads on until there are this many, or no more. */
  need: (length: number) => void;
  /** Reads the newest again. */
  refresh: () => void;
}

interface Read<T> {
  key: string;
  items: T[];
  started: boolean;
  next?: string;
  at?: Date;
  error?: Error;
}

/**
 * @param key a new one starts over; undefined asks for nothing
 * @param lands entries only come, on top: a refreshed list goes on below with what was known
 */
export function usePages<T extends { id: string }>(
  key: string | undefined,
  loadPage: (cursor: string | undefined) => Promise<{ items: T[]; next?: string }>,
  lands: boolean,
): Paged<T> {
  const present = key ?? '';
  const [read, setRead] = useState<Read<T>>({ key: present, items: [], started: false });
  const current: Read<T> = read.key === present ? read : { key: present, items: [], started: false };
  const latest = useRef({ current, loadPage, lands });
  latest.current = { current, loadPage, lands };
  const wanted = useRef({ key: present, length: 1 });
  if (wanted.current.key !== present) wanted.current = { key: present, length: 1 };
  const busy = useRef<string | undefined>(undefined);

  const load = useCallback(
    async (from: 'next' | 'top'): Promise<void> => {
      if (key === undefined || busy.current === key) return;
      busy.current = key;
      const cursor = from === 'next' ? latest.current.current.next : undefined;
      try {
        const page = await latest.current.loadPage(cursor);
        if (latest.current.current.key === key)
          setRead((before) => joined(before.key === key ? before : undefined, page, from));
      } catch (error) {
        setRead((before) => ({ ...(before.key === key ? before : latest.current.current), error: error as Error }));
      }
      if (busy.current === key) busy.current = undefined;
    },
    [key],
  );

  /** Where entries leave as well as come, what was known below a refreshed page may be untrue. */
  function joined(before: Read<T> | undefined, page: { items: T[]; next?: string }, from: 'next' | 'top'): Read<T> {
    const known = before?.items ?? [];
    const fresh = new Set(page.items.map(({ id }) => id));
    const at = new Date();
    const others = known.filter(({ id }) => !fresh.has(id));
    if (from === 'next') return { key: present, items: [...others, ...page.items], started: true, next: page.next, at };
    const goesOn = latest.current.lands && page.next !== undefined && before?.started === true;
    if (!goesOn) return { key: present, items: page.items, started: true, next: page.next, at };
    return { key: present, items: [...page.items, ...others], started: true, next: before.next, at };
  }

  const readOn = useCallback(() => {
    const { started, next, items } = latest.current.current;
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
  return { items: current.items, complete, at: current.at, error: current.error, need, refresh };
}
