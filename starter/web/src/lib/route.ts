import { useEffect, useState } from 'preact/hooks';

/** What narrows a page, as in the address: `state=failed`. */
export type Query = Readonly<Record<string, string>>;

/** Where the page is. It stands after the `#`, so that the server needs to know one address only. */
export type Route = (
  | { page: 'batches' }
  | { page: 'add' }
  | { page: 'queues' }
  | { page: 'presets' }
  | { page: 'preset'; name: string }
  | { page: 'batch'; batch: string }
  | { page: 'item'; id: string }
) & { query: Query };

/** @param hash as in `location.hash` */
export function parseRoute(hash: string): Route {
  const [path = '', search = ''] = hash.split('?', 2);
  const query = Object.fromEntries(new URLSearchParams(search));
  const [page = '', ...rest] = path.replace(/^#?\/?/, '').split('/');
  const name = decode(rest.join('/'));
  if (page === 'queues') return { page: 'queues', query };
  if (page === 'add') return { page: 'add', query };
  if (page === 'presets') return { page: 'presets', query };
  if (page === 'preset' && name !== '') return { page: 'preset', name, query };
  if (page === 'batch' && name !== '') return { page: 'batch', batch: name, query };
  if (page === 'item' && name !== '') return { page: 'item', id: name, query };
  return { page: 'batches', query };
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
export const toQueues = '#/queues';
export const toPresets = '#/presets';
export const toPreset = (name: string): string => `#/preset/${encodeURIComponent(name)}`;
export const toBatch = (batch: string): string => `#/batch/${encodeURIComponent(batch)}`;
export const toItem = (id: string): string => `#/item/${encodeURIComponent(id)}`;

/** The address without what narrows it; `#/` where there is none. */
export function pathOf(hash: string): string {
  return hash.split('?')[0] || toBatches;
}

/** Event of the window: the address was changed in place. */
export const NARROWED = 'darkroom:narrowed';

/** Changes what narrows the present page, without a new entry in the browser's history. Empty values are left out. */
export function narrow(query: Query): void {
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== '')).toString();
  history.replaceState(history.state, '', pathOf(location.hash) + (search === '' ? '' : `?${search}`));
  dispatchEvent(new Event(NARROWED));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const follow = (): void => setHash(location.hash);
    for (const name of ['hashchange', NARROWED]) addEventListener(name, follow);
    return () => {
      for (const name of ['hashchange', NARROWED]) removeEventListener(name, follow);
    };
  }, []);
  return parseRoute(hash);
}
