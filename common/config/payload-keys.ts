import { createSecretKey, type KeyObject } from 'node:crypto';

/** One entry of DARKROOM_PAYLOAD_KEYS. The key object shows nothing of itself when somebody prints it. */
export interface PayloadKey {
  id: string;
  key: KeyObject;
}

/** AES-256. */
const KEY_BYTES = 32;
const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Entries `id:key`, the key in base64, separated by commas or lines. The first one encrypts, every one decrypts.
 * @throws Error that names a wrong entry by its place: nothing of its text, since id and key may be mixed up
 */
export function parsePayloadKeys(text: string): PayloadKey[] {
  const entries = text
    .split(/[,\n]/)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
  const keys = entries.map(parseEntry);
  if (keys.length === 0) throw new Error('expected entries of the form id:key');
  const twice = keys.findIndex(({ id }, index) => keys.findIndex((other) => other.id === id) !== index);
  if (twice >= 0) throw new Error(`entry ${twice + 1} has the id of an earlier one`);
  return keys;
}

function parseEntry(entry: string, index: number): PayloadKey {
  const colon = entry.indexOf(':');
  const id = entry.slice(0, Math.max(0, colon));
  const base64 = entry.slice(colon + 1);
  if (!ID.test(id)) {
    throw new Error(
      `entry ${index + 1} is not of the form id:key (letters, digits, dots, dashes, underscores in the id)`,
    );
  }
  const bytes = Buffer.from(base64, 'base64');
  if (!BASE64.test(base64) || bytes.length !== KEY_BYTES) {
    throw new Error(
      `the key of entry ${index + 1} is not ${KEY_BYTES} bytes in base64; openssl rand -base64 32 makes one`,
    );
  }
  return { id, key: createSecretKey(bytes) };
}
