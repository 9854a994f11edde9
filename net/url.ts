import { DarkroomError } from '../common/errors';

/** The URI for people and logs: without what may be a secret (userinfo, a signed query), and not endless. */
export function printable(uri: string): string {
  const bare = /^https?:/i.test(uri)
    ? uri
        .replace(/^(https?:\/*)[^/?#]*@/i, '$1')
        .replace(/#.*$/s, '')
        .replace(/\?.*$/s, '?…')
    : uri;
  return bare.length <= 500 ? bare : `${bare.slice(0, 500)}…`;
}

/** The refusal of a URI, with the reason. */
export function unusable(uri: string, reason: string): DarkroomError {
  return new DarkroomError('InvalidJob', `${printable(uri)} cannot be used: ${reason}.`);
}

/** Parses a web address; its fragment is dropped. @throws DarkroomError InvalidJob */
export function parseWebUrl(uri: string): URL {
  if (!URL.canParse(uri)) throw unusable(uri, 'it is not a URL');
  const url = new URL(uri);
  if (url.username !== '' || url.password !== '') throw unusable(uri, 'a URL must not contain a user name or password');
  url.hash = '';
  return url;
}
