import { useEffect } from 'preact/hooks';

/** Names the page in the browser's tab and history. @param title undefined while it is not known */
export function useTitle(title: string | undefined): void {
  useEffect(() => {
    document.title = title === undefined ? 'Darkroom' : `${title} · Darkroom`;
  }, [title]);
}
