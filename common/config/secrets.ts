/** What secrets have to be, and pieces of them that must not be printed even where they stand alone. */
import { webhookKey } from '../webhook-secret';

/** Bytes of a secret that signs: fewer could be guessed. */
const LEAST_BYTES = 16;

/** For a secret that signs. @throws Error that says what is wrong, and nothing of the secret */
export function checkSigning(text: string): void {
  if (webhookKey(text).length >= LEAST_BYTES) return;
  throw new Error(`expected at least ${LEAST_BYTES} bytes; openssl rand -hex 32 makes such a secret`);
}

/** Of a list of `name:…:value` entries: the values. */
export function lastFields(text: string): string[] {
  return text
    .split(/[,\n]/)
    .map((entry) => entry.trim().split(':').at(-1) ?? '')
    .filter((value) => value !== '');
}

/** Of a URL: its password, as written and as meant. */
export function urlPassword(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { password } = new URL(text);
  return [...new Set([password, decoded(password)])].filter((value) => value !== '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
