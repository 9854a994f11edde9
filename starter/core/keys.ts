import { createHash } from 'node:crypto';
import type { Config } from '../../common/config';
import type { MediaJob } from '../../common/contracts';
import { INLINE } from '../../media/presets';
import { withoutSignature } from '../../net/url';

/** Characters of the readable part; with the hash a key stays under 100. */
const MAX_SLUG = 60;
const SAFE_ID = /^[a-z0-9][a-z0-9._-]{0,98}$/;

function hash(text: string, digits: number): string {
  return createHash('sha256').update(text).digest('hex').slice(0, digits);
}

/** Lower-case letters, digits and dashes that remind a person of the name; may be empty. */
export function slug(name: string): string {
  return name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{Mark}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_SLUG)
    .replace(/^-|-$/g, '');
}

/** The last part of a URI, decoded, without its extension. */
function baseName(uri: string): string {
  // A host says nothing of the file, and a password may stand before it.
  const bare = uri.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/, '');
  const last = bare.split('/').filter(Boolean).at(-1) ?? '';
  const name = last.replace(/\.[^.]{1,8}$/, '');
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/**
 * Names an item within its batch: in the workflow's id, and as the folder of its outputs. The same source always gets
 * the same key, also by a URL that was signed anew, and files of the same name in two folders get two.
 * @param id the caller's own, which counts instead of the source
 */
export function itemKey(source: string, id?: string): string {
  if (id !== undefined && SAFE_ID.test(id)) return id;
  const readable = slug(id ?? baseName(source));
  return [readable, hash(id ?? withoutSignature(source), 12)].filter(Boolean).join('-');
}

/** Whether keys tell of files' names: DARKROOM_ITEM_NAMES. */
export type ItemNames = Config['itemNames'];

/** Digits of a key that is nothing but a hash. */
const HASHED = 24;

/** The job under a name that tells nothing of its file where that is wished, unless its caller gave it one. */
export function named(job: MediaJob, names: ItemNames = 'readable'): MediaJob {
  if (names === 'readable' || job.id !== undefined) return job;
  return { ...job, id: hash(withoutSignature(job.source), HASHED) };
}

/** Key of a single job without an id of its own: the same wish is the same job, and another preset or place another one. */
export function wishKey(job: MediaJob, names: ItemNames = 'readable'): string {
  const { source, preset = '', options, focus, output } = job;
  const wish = [withoutSignature(source), preset, output, ...(options || focus ? [options, focus] : [])];
  if (names === 'hashed') return hash(JSON.stringify(wish), HASHED);
  const name = typeof preset === 'string' ? slug(preset).slice(0, 20) : INLINE;
  return [slug(baseName(source)), name, hash(JSON.stringify(wish), 12)].filter(Boolean).join('-');
}

/** The same command gets the same batch, so that running it again goes on with what is missing. */
export function defaultBatchId(input: string, preset: string, output: string | undefined): string {
  const readable = slug(baseName(input) || input).slice(0, 30);
  return [readable, slug(preset), hash(JSON.stringify([withoutSignature(input), preset, output ?? null]), 8)]
    .filter(Boolean)
    .join('-');
}
