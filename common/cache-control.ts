/** How long browsers and CDNs may keep a published file: values of the `Cache-Control` header (RFC 9111). */

/** Of a file whose name has a hash of its content in it: the name never stands for other bytes. */
export const CACHED_FOREVER = 'max-age=31536000, immutable';
/** Of what can be replaced (`manifest.json`), or leads to files that can be removed (playlists): asked for anew each time. */
export const ASKED_ANEW = 'no-cache';

const PLAIN = [
  ...['public', 'private', 'no-cache', 'no-store', 'no-transform'],
  ...['must-revalidate', 'proxy-revalidate', 'must-understand', 'immutable'],
];
const SECONDS = ['max-age', 's-maxage', 'stale-while-revalidate', 'stale-if-error'];
/** Caches need not count further (RFC 9111, 1.2.2). */
const MAX_SECONDS = 2 ** 31;
/** Pairs that contradict each other; caches would have to guess. */
const CONTRADICTIONS = [
  ['public', 'private'],
  ['no-store', 'public'],
  ['no-store', 'immutable'],
  ['no-store', 'max-age'],
  ['no-store', 's-maxage'],
  ['private', 's-maxage'],
] as const;

function directives(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

function nameOf(directive: string): string {
  return directive.split('=', 1)[0] ?? '';
}

/** What is wrong with a value, as the end of a sentence; undefined: nothing. */
export function cacheControlProblem(value: string): string | undefined {
  const all = directives(value);
  for (const directive of all) {
    const name = nameOf(directive);
    const seconds = name === directive ? undefined : directive.slice(name.length + 1);
    const known = seconds === undefined ? PLAIN.includes(name) : SECONDS.includes(name);
    if (!known && SECONDS.includes(name)) return `"${name}" needs seconds, such as ${name}=60`;
    if (!known) return `"${directive.slice(0, 40)}" is none of ${[...PLAIN, ...SECONDS].join(', ')}`;
    if (seconds !== undefined && !(/^\d{1,10}$/.test(seconds) && Number(seconds) <= MAX_SECONDS)) {
      return `"${directive.slice(0, 40)}" is no whole number of seconds up to ${MAX_SECONDS}`;
    }
  }
  const names = all.map(nameOf);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `"${twice}" stands there twice`;
  const pair = CONTRADICTIONS.find((both) => both.every((name) => names.includes(name)));
  return pair && `"${pair[0]}" and "${pair[1]}" contradict each other`;
}

/**
 * The rule of one published file.
 * @param name of the file, below the item's folder
 * @param preset what the preset says (`cacheControl`); absent: CACHED_FOREVER
 */
export function cacheControlOf(name: string, preset: string | undefined): string {
  return /(^|\/)manifest\.json$|\.(m3u8|mpd)$/.test(name) ? ASKED_ANEW : (preset ?? CACHED_FOREVER);
}

/** The same for answers that only the caller may see: no cache that several callers share may keep them. */
export function withoutSharedCaches(value: string): string {
  const shared = ['public', 'private', 's-maxage', 'proxy-revalidate'];
  return ['private', ...directives(value).filter((directive) => !shared.includes(nameOf(directive)))].join(', ');
}
