import type { Choice } from './preset';

/** A file that was not sent whole when its page was left. Its bytes are asked for again; what the service has of it stays. */
export interface Unsent {
  name: string;
  size: number;
  lastModified: number;
  choice: Choice;
  uploadId: string;
  /** 0–1, of what was sent. */
  fraction: number;
}

interface Saved {
  /** ms since 1970, when its page was last alive. */
  at: number;
  files: Unsent[];
}

const PREFIX = 'darkroom-unsent:';
/** ms after which a page that says nothing is closed; browsers let pages in the background do something once a minute. */
const CLOSED_MS = 150_000;
const ALIVE_MS = 20_000;

/** Of this tab: the same after a reload. */
const mine = (sessionStorage['darkroom-tab'] ??= crypto.getRandomValues(new Uint32Array(2)).join('')) as string;
let files: Unsent[] = [];

function write(): void {
  try {
    if (files.length === 0) localStorage.removeItem(PREFIX + mine);
    else localStorage.setItem(PREFIX + mine, JSON.stringify({ at: Date.now(), files } satisfies Saved));
  } catch {
    // There is no room for so many: these files have to be chosen again from the first byte.
  }
}

setInterval(() => files.length > 0 && write(), ALIVE_MS);

export function rememberUnsent(unsent: Unsent[]): void {
  files = unsent;
  write();
}

/** What this tab, and tabs that are closed, left behind. It is this tab's now. */
export function takeUnsent(): Unsent[] {
  const found: Unsent[] = [];
  for (const key of Object.keys(localStorage).filter((each) => each.startsWith(PREFIX))) {
    try {
      const saved = JSON.parse(localStorage.getItem(key) ?? '') as Saved;
      if (key !== PREFIX + mine && Date.now() - saved.at < CLOSED_MS) continue;
      found.push(...saved.files);
    } catch {
      // Not ours.
    }
    localStorage.removeItem(key);
  }
  rememberUnsent(found);
  return found;
}
