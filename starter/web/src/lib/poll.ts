import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

export interface Polled<T> {
  data: T | undefined;
  /** When the data came. */
  at: Date | undefined;
  /** Why the last look failed; the data before it stay. */
  error: Error | undefined;
  refresh: () => void;
}

/**
 * Asks again and again while the page is in view, never twice at once.
 * @param key a new one starts over; undefined asks for nothing
 * @param everyMs 0: once
 */
export function usePoll<T>(
  key: string | undefined,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs: number,
): Polled<T> {
  const [state, setState] = useState<{ key?: string; data?: T; at?: Date; error?: Error }>({});
  const latest = useRef({ load, everyMs });
  latest.current = { load, everyMs };
  const kick = useRef<() => void>(() => undefined);

  useEffect(() => {
    if (key === undefined) return;
    const stop = new AbortController();
    let timer = 0;
    let again = false;
    let busy = false;
    const tick = async (): Promise<void> => {
      clearTimeout(timer);
      again = busy;
      if (busy) return;
      busy = true;
      try {
        const data = await latest.current.load(stop.signal);
        if (!stop.signal.aborted) setState({ key, data, at: new Date() });
      } catch (error) {
        if (!stop.signal.aborted)
          setState((before) => ({ ...(before.key === key ? before : { key }), error: error as Error }));
      }
      busy = false;
      if (stop.signal.aborted) return;
      if (again) return void tick();
      if (latest.current.everyMs > 0 && !document.hidden) timer = setTimeout(() => void tick(), latest.current.everyMs);
    };
    kick.current = () => void tick();
    const seen = (): void => void (document.hidden || tick());
    document.addEventListener('visibilitychange', seen);
    void tick();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [key]);

  const refresh = useCallback(() => kick.current(), []);
  const current = state.key === key ? state : {};
  return { data: current.data, at: current.at, error: current.error, refresh };
}

/** Calls back, a few times a second at most, when the server says that something changed. The browser reconnects by itself. */
export function useEvents(url: string | undefined, onChange: () => void): void {
  const callback = useRef(onChange);
  callback.current = onChange;
  useEffect(() => {
    if (url === undefined) return;
    let timer = 0;
    const source = new EventSource(url);
    const changed = (): void => {
      timer ||= setTimeout(() => {
        timer = 0;
        callback.current();
      }, 400);
    };
    for (const name of ['job', 'batch', 'item']) source.addEventListener(name, changed);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [url]);
}
