import { useEffect, useState } from 'preact/hooks';
import type { RefObject } from 'preact';
import { gridWindow, type GridSize, type GridWindow } from './grid-window';

/** Follows scrolling and resizing; draws again only when other rows come into view. */
export function useGridWindow(frame: RefObject<HTMLElement | null>, count: number, size: GridSize): GridWindow {
  const [view, setView] = useState({ width: 0, top: 0, height: 0 });
  useEffect(() => {
    let pending = 0;
    const measure = (): void => {
      pending = 0;
      const box = frame.current?.getBoundingClientRect();
      if (box) setView({ width: box.width, top: box.top, height: innerHeight });
    };
    const later = (): void => {
      pending ||= requestAnimationFrame(measure);
    };
    measure();
    const observer = new ResizeObserver(later);
    if (frame.current) observer.observe(frame.current);
    addEventListener('scroll', later, { passive: true });
    addEventListener('resize', later);
    return () => {
      cancelAnimationFrame(pending);
      observer.disconnect();
      removeEventListener('scroll', later);
      removeEventListener('resize', later);
    };
  }, []);
  return gridWindow(view.width === 0 ? 0 : count, view.width || 1, view.top, view.height, size);
}
