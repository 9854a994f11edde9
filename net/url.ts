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

/** Names that S3, Google, Alibaba and Tencent give to what signs a URL. */
const SIGNING =
  /^(x-(amz|goog|oss|cos)-|q-sign-)|^(signature|ossaccesskeyid|awsaccesskeyid|googleaccessid|key-pair-id)$/i;
/** These count only beside a signature: other services mean other things by them. */
const BESIDE_SIGNATURE = /^(expires|policy)$/i;
/** A signature of Azure names its fields by two or three letters. */
const AZURE = /^(sv|ss|srt|sr|sp|st|se|sip|spr|sig|si|skoid|sktid|skt|ske|sks|skv)$/i;

/**
 * The URL without the part of its query that only signs it, so that a renewed signature is the same source: what else is in
 * the query stays, in its order. Any other URI is returned as it is.
 */
export function withoutSignature(uri: string): string {
  const [, bare, query, fragment = ''] = /^(https?:[^?#]*)\?([^#]*)(#.*)?$/is.exec(uri) ?? [];
  if (bare === undefined || query === undefined) return uri;
  const fields = query.split('&');
  const nameOf = (field: string) => field.replace(/=.*$/s, '');
  const isSigned = fields.some((field) => /^(x-(amz|goog|oss)-)?signature$|^q-signature$/i.test(nameOf(field)));
  const isAzure = ['sig', 'sv'].every((name) => fields.some((field) => nameOf(field).toLowerCase() === name));
  if (!isSigned && !isAzure) return uri;
  const kept = fields.filter((field) => {
    const name = nameOf(field);
    return !(isAzure ? AZURE.test(name) : SIGNING.test(name) || BESIDE_SIGNATURE.test(name));
  });
  return `${bare}${kept.length > 0 ? `?${kept.join('&')}` : ''}${fragment}`;
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
