import { useEffect, useState } from 'preact/hooks';

/** Where the page is. It stands after the `#`, so that the server needs to know one address only. */
export type Route =
  { page: 'batches' } | { page: 'add' } | { page: 'batch'; batch: string } | { page: 'item'; id: string };

/** @param hash as in `location.hash` */
export function parseRoute(hash: string): Route {
  const [page = '', ...rest] = hash.replace(/^#?\/?/, '').split('/');
  const name = decode(rest.join('/'));
  if (page === 'add') return { page: 'add' };
  if (page === 'batch' && name !== '') return { page: 'batch', batch: name };
  if (page === 'item' && name !== '') return { page: 'item', id: name };
  return { page: 'batches' };
}

/** A half-typed escape is not worth an error page. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const toBatches = '#/';
export const toAdd = '#/add';
export const toBatch = (batch: string): string => `#/batch/${encodeURIComponent(batch)}`;
export const toItem = (id: string): string => `#/item/${encodeURIComponent(id)}`;

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return parseRoute(hash);
}
