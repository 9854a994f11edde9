import { useEffect, useLayoutEffect } from 'preact/hooks';
import { NARROWED, pathOf } from './route';

/** Where a page was left: its whole address, with what narrowed it, and how far it was scrolled, px. */
interface Place {
  hash: string;
  y: number;
}

const KEY = 'darkroom-places';
/** Pages remembered; the oldest is forgotten first. */
const MOST = 100;
/** ms for which a page that is still loading is waited for. */
const PATIENCE_MS = 5_000;

/** By path. They survive a reload, and end with the tab. */
const places = new Map<string, Place>(JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as [string, Place][]);
/** The next page is gone back to, though by a link. */
let isReturn = false;
/** Ends the present attempt to scroll to where a page was left. */
let settle: (() => void) | undefined;

function remember(): void {
  if (settle) return;
  keep(pathOf(location.hash), scrollY);
}

function keep(path: string, y: number): void {
  places.delete(path);
  places.set(path, { hash: location.hash || path, y });
  if (places.size > MOST) places.delete(places.keys().next().value ?? '');
}

/** The address under which a page was left, for a link back to it; its plain one if it was not seen yet. */
export function leftAt(path: string): string {
  return places.get(path)?.hash ?? path;
}

/** To be called by a link that leads back to a page. */
export function goingBack(): void {
  isReturn = true;
}

/** A new page starts at its top; one that is gone back to, by the browser or by `goingBack`, where it was left. */
export function usePlaces(path: string): void {
  useEffect(() => {
    history.scrollRestoration = 'manual';
    const save = (): void => {
      remember();
      sessionStorage.setItem(KEY, JSON.stringify([...places]));
    };
    const stop = new AbortController();
    for (const name of ['scroll', NARROWED]) addEventListener(name, remember, { signal: stop.signal, passive: true });
    addEventListener('pagehide', save, { signal: stop.signal });
    return () => stop.abort();
  }, []);
  // Before the browser notices that the page has another height, and scrolls.
  useLayoutEffect(() => {
    settle?.();
    const wasHere = (history.state as { seen?: boolean } | null)?.seen === true;
    const y = wasHere || isReturn ? (places.get(path)?.y ?? 0) : 0;
    isReturn = false;
    history.replaceState({ seen: true }, '');
    keep(path, y);
    scrollWhenLoaded(y);
  }, [path]);
}

function scrollWhenLoaded(y: number): void {
  const stop = new AbortController();
  const until = performance.now() + PATIENCE_MS;
  settle = () => {
    stop.abort();
    settle = undefined;
  };
  // Whoever scrolls by hand is not pulled elsewhere.
  for (const name of ['wheel', 'touchmove', 'keydown', 'pointerdown']) {
    addEventListener(name, () => settle?.(), { signal: stop.signal, passive: true });
  }
  const step = (): void => {
    if (stop.signal.aborted) return;
    const most = document.documentElement.scrollHeight - innerHeight;
    scrollTo(0, Math.min(y, most));
    if (most >= y || performance.now() > until) settle?.();
    else requestAnimationFrame(step);
  };
  step();
}
